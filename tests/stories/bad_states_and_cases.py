"""Bad facts: states and cases, and their withdrawals."""

from __future__ import annotations

from typing import Any

from tests.stories.bad_input import AT, END, LATER, NUL, Asked, given, refused, stream, unread

PROBES, TICKETS = stream(metric="probes"), stream(metric="tickets")
STATES = {"stream": PROBES, "instants": [AT], "states": ["up"]}
CASE = {"stream": TICKETS, "externalId": "new", "openedAt": AT}
EARLIER = "2024-04-30T23:59:59Z"


def state(name: str, code: str, path: str, *, says: str = "", **series: Any) -> Asked:
    sent = given(series=[{**STATES, **series}])
    return refused(name, "recordStates", sent, code, f"series.0.{path}", key="vendor", says=says)


def withdrawn_states(name: str, code: str, path: str, **more: Any) -> Asked:
    sent = given(**{"stream": PROBES, "instants": [END], **more})
    return refused(name, "withdrawStates", sent, code, path, key="vendor")


def case(name: str, code: str, path: str, *, says: str = "", **line: Any) -> Asked:
    sent = given(cases=[{**CASE, **line}])
    return refused(name, "recordCases", sent, code, f"cases.0.{path}", key="vendor", says=says)


def withdrawn_case(name: str, code: str, path: str, **line: Any) -> Asked:
    sent = given(cases=[{"stream": TICKETS, "externalId": "known", **line}])
    return refused(name, "withdrawCases", sent, code, f"cases.0.{path}", key="vendor")


def pause(start: str, end: str | None = None) -> dict[str, Any]:
    return {"pausedAt": start, "resumedAt": end}


ROWS = [
    state("an unknown state", "INVALID", "states.0", says="declared are up, down, critical", states=["sideways"]),
    state("a NUL in a state", "INVALID", "states.0", states=[NUL]),
    state("an endless state", "INVALID", "states.0", states=["x" * 5000]),
    state("two states of one instant", "FACT_CONFLICT", "instants.1", instants=[AT, AT], states=["up", "down"]),
    state("states in columns of two lengths", "INVALID", "instants", states=[]),
    state("other content of a known state", "FACT_CONFLICT", "instants.0", instants=[END], states=["down"]),
    state("a revision of a state that was never", "REVISION_CONFLICT", "instants.0", replacesRevision=3),
    state("a revision of a state below the first", "OUT_OF_RANGE", "replacesRevision", replacesRevision=-1),
    state("states of a metric of outages", "INVALID", "stream.metric", stream=stream()),
    state(
        "states of what rests on others", "INVALID", "stream.service", stream=stream(metric="probes", service="whole")
    ),
    state("states of an unknown vendor", "NOT_FOUND", "stream.vendor", stream=stream(metric="probes", vendor="nobody")),
    refused(
        "outages of a metric of states",
        "recordOutages",
        given(outages=[{"stream": PROBES, "externalId": "o", "impact": "critical", "startedAt": AT}]),
        "INVALID",
        "outages.0.stream.metric",
        key="vendor",
    ),
    refused(
        "5,001 states",
        "recordStates",
        given(series=[{**STATES, "instants": [AT] * 5001, "states": ["up"] * 5001}]),
        "TOO_MANY",
        "series",
        key="vendor",
    ),
    refused(
        "one stream of states twice in a call",
        "recordStates",
        given(series=[STATES, STATES]),
        "INVALID",
        "series.1.stream",
        key="vendor",
    ),
    unread(
        "a naive instant of a state",
        "recordStates",
        given(series=[{**STATES, "instants": ["2024-05-01T00:00:00"]}]),
        "series.0.instants.0",
        "has no offset from UTC",
        key="vendor",
    ),
    withdrawn_states("a withdrawal of no state", "NOT_FOUND", "instants.0", instants=[AT]),
    withdrawn_states("a later revision of a state withdrawn", "REVISION_CONFLICT", "instants.0", replacesRevision=2),
    case("a response before the opening", "OUT_OF_RANGE", "respondedAt", respondedAt=EARLIER),
    case("a resolution before the opening", "OUT_OF_RANGE", "resolvedAt", resolvedAt=EARLIER),
    case("a response after the resolution", "OUT_OF_RANGE", "respondedAt", respondedAt=END, resolvedAt=LATER),
    case("a case that was open for eleven years", "OUT_OF_RANGE", "resolvedAt", resolvedAt="2035-05-01T00:00:00Z"),
    case("a case that was resumed before it was paused", "OUT_OF_RANGE", "pauses.0.resumedAt", pauses=[pause(END, AT)]),
    case("a case that was paused before it was opened", "OUT_OF_RANGE", "pauses.0.pausedAt", pauses=[pause(EARLIER)]),
    case("a case that was paused while it was", "INVALID", "pauses.1.pausedAt", pauses=[pause(AT), pause(LATER)]),
    case(
        "a case that was paused after it was resolved",
        "OUT_OF_RANGE",
        "pauses.0.pausedAt",
        pauses=[pause(END)],
        resolvedAt=LATER,
    ),
    case(
        "a case that was resumed after it was resolved",
        "OUT_OF_RANGE",
        "pauses.0.resumedAt",
        pauses=[pause(AT, END)],
        resolvedAt=LATER,
    ),
    case("101 pauses", "OUT_OF_RANGE", "pauses", pauses=[pause(AT, LATER)] * 101),
    case("an empty external id of a case", "INVALID", "externalId", externalId=""),
    case("a NUL in the external id of a case", "INVALID", "externalId", externalId=f"a{NUL}b"),
    case("cases of a metric of outages", "INVALID", "stream.metric", stream=stream()),
    case("other content of a known case", "FACT_CONFLICT", "externalId", externalId="known", resolvedAt=END),
    case("a revision of a case that was never", "REVISION_CONFLICT", "replacesRevision", replacesRevision=1),
    case("the largest number as a case's revision", "OUT_OF_RANGE", "replacesRevision", replacesRevision=2**31 - 1),
    refused(
        "1,001 cases",
        "recordCases",
        given(cases=[{**CASE, "externalId": str(at)} for at in range(1001)]),
        "TOO_MANY",
        "cases",
        key="vendor",
    ),
    refused(
        "two revisions of a case in one call",
        "recordCases",
        given(cases=[CASE, {**CASE, "resolvedAt": END, "replacesRevision": 1}]),
        "INVALID",
        "cases.1.externalId",
        key="vendor",
    ),
    withdrawn_case("a withdrawal of an unknown case", "NOT_FOUND", "externalId", externalId="never"),
    withdrawn_case("a later revision of a case withdrawn", "REVISION_CONFLICT", "replacesRevision", replacesRevision=2),
]
