"""Bad facts: outages, reports, tallies, samples, and their withdrawals."""

from __future__ import annotations

from typing import Any

from tests.stories.bad_input import AT, END, LATER, NUL, Asked, Given, given, refused, stream, unread

OUTAGE = {"stream": stream(), "externalId": "new", "impact": "critical", "startedAt": AT, "endedAt": END}
TALLIES = {"stream": stream(metric="good"), "starts": [AT], "ends": [LATER], "good": [1], "total": [2]}
UNHEARD_OF = stream(metric="good", source="unheard-of")
SAMPLES = {"stream": stream(metric="delay"), "instants": [AT], "values": ["1.5"]}


def outages(*lines: dict[str, Any], **more: Any) -> Given:
    return given(outages=[{**OUTAGE, **line} for line in lines], **more)


def outage(name: str, code: str, path: str, *, says: str = "", **line: Any) -> Asked:
    return refused(name, "recordOutages", outages(line), code, f"outages.0.{path}", key="vendor", says=says)


def revised(name: str, code: str, path: str, **line: Any) -> Asked:
    return outage(name, code, path, externalId="known", impact="minor", **line)


def batch(name: str, code: str, path: str, sent: Given, *, says: str = "") -> Asked:
    return refused(name, "recordOutages", sent, code, path, key="vendor", says=says)


def instant(name: str, value: object, says: str) -> Asked:
    return unread(name, "recordOutages", outages({"startedAt": value}), "outages.0.startedAt", says, key="vendor")


def tally(name: str, code: str, path: str, *, says: str = "", **series: Any) -> Asked:
    sent = given(tallies=[{**TALLIES, **series}])
    return refused(name, "recordMeasurements", sent, code, f"tallies.0.{path}", key="vendor", says=says)


def sample(name: str, code: str, path: str, *, says: str = "", **series: Any) -> Asked:
    sent = given(samples=[{**SAMPLES, **series}])
    return refused(name, "recordMeasurements", sent, code, f"samples.0.{path}", key="vendor", says=says)


def value(name: str, content: object, says: str) -> Asked:
    sent = given(samples=[{**SAMPLES, "values": [content]}])
    return unread(name, "recordMeasurements", sent, "samples.0.values.0", says, key="vendor")


def count(name: str, content: object, says: str) -> Asked:
    sent = given(tallies=[{**TALLIES, "good": [content]}])
    return unread(name, "recordMeasurements", sent, "tallies.0.good.0", says, key="vendor")


def withdrawal(name: str, code: str, path: str, **line: Any) -> Asked:
    sent = given(outages=[{"stream": stream(), "externalId": "known", **line}])
    return refused(name, "withdrawOutages", sent, code, f"outages.0.{path}", key="vendor")


def withdrawn_points(name: str, code: str, path: str, **more: Any) -> Asked:
    sent = given(**{"stream": stream(metric="good"), "instants": [AT], **more})
    return refused(name, "withdrawMeasurements", sent, code, path, key="vendor")


OUTAGES = [
    outage("an unknown vendor", "NOT_FOUND", "stream.vendor", stream=stream(vendor="nobody")),
    outage("an unknown metric", "NOT_FOUND", "stream.metric", stream=stream(metric="nothing")),
    outage("an unknown service", "NOT_FOUND", "stream.service", stream=stream(service="nothing")),
    outage("an unknown customer", "NOT_FOUND", "stream.customer", stream=stream(customer="nobody")),
    outage("a NUL in a vendor's code", "INVALID", "stream.vendor", stream=stream(vendor=f"ven{NUL}dor")),
    outage("a NUL in a metric's code", "INVALID", "stream.metric", stream=stream(metric=NUL)),
    outage("a NUL in an external id", "INVALID", "externalId", externalId=f"a{NUL}b"),
    outage("an empty external id", "INVALID", "externalId", externalId=""),
    outage("an external id of 201 characters", "INVALID", "externalId", externalId="x" * 201),
    outage("a source that is no code", "INVALID", "stream.source", stream=stream(source="a b")),
    outage("an end before the start", "OUT_OF_RANGE", "endedAt", endedAt="2024-04-30T23:59:59Z"),
    outage("an end at the start", "OUT_OF_RANGE", "endedAt", endedAt=AT),
    outage("an outage of four years", "OUT_OF_RANGE", "endedAt", endedAt="2028-05-01T00:00:00Z"),
    outage("an undeclared impact", "INVALID", "impact", says="declared are critical", impact="catastrophic"),
    outage("maintenance as an outage", "INVALID", "impact", says="record it as one", impact="maintenance"),
    revised("other content of a known outage", "FACT_CONFLICT", "externalId"),
    revised("a revision below the first", "OUT_OF_RANGE", "replacesRevision", replacesRevision=-1),
    revised("the largest number as a revision", "OUT_OF_RANGE", "replacesRevision", replacesRevision=2**31 - 1),
    outage("a revision that was never", "REVISION_CONFLICT", "replacesRevision", replacesRevision=1),
    revised("a revision that is not the latest", "REVISION_CONFLICT", "replacesRevision", replacesRevision=7),
    outage("an outage of what rests on others", "INVALID", "stream.service", stream=stream(service="whole")),
    outage("an outage of a metric of tallies", "INVALID", "stream.metric", stream=stream(metric="good")),
    batch("a bad line after a good one", "INVALID", "outages.1.externalId", outages({}, {"externalId": ""})),
    batch(
        "two revisions of an outage in one call",
        "INVALID",
        "outages.1.externalId",
        outages({}, {"impact": "minor", "replacesRevision": 1}),
    ),
    batch(
        "nothing good to keep",
        "INVALID",
        "outages.0.impact",
        outages({"stream": stream(source="unheard-of"), "impact": "awful"}, onInvalid="KEEP_GOOD"),
    ),
    batch("1,001 outages", "TOO_MANY", "outages", outages(*({"externalId": str(at)} for at in range(1001)))),
    batch(
        "a report ahead of time",
        "OUT_OF_RANGE",
        "reports.0.through",
        given(reports=[{"stream": stream(), "through": "2199-01-01T00:00:00Z"}]),
    ),
    batch(
        "an idempotency key with other content",
        "IDEMPOTENCY_CONFLICT",
        "idempotencyKey",
        outages({}, idempotencyKey="used"),
    ),
    batch("an idempotency key with a space", "INVALID", "idempotencyKey", outages({}, idempotencyKey="a b")),
    batch("an idempotency key too long", "INVALID", "idempotencyKey", outages({}, idempotencyKey="k" * 201)),
    instant("a naive instant", "2024-05-01T00:00:00", "has no offset from UTC"),
    instant("a day of month 13", "2024-13-01T00:00:00Z", "does not exist"),
    instant("an instant in the year 9999", "9999-05-01T00:00:00Z", "outside 1990-01-01 to 2200-01-01"),
    instant("an instant before the year 1", "0001-01-01T00:00:00+14:00", "does not exist"),
    instant("an instant as a number", 1714521600, "a string is needed"),
    instant("an instant finer than a microsecond", "2024-05-01T00:00:00.1234567Z", "finer than a microsecond"),
    withdrawal("a withdrawal of an unknown outage", "NOT_FOUND", "externalId", externalId="never"),
    withdrawal("a withdrawal of another revision", "REVISION_CONFLICT", "replacesRevision", replacesRevision=2),
]

MEASUREMENTS = [
    tally("a negative count", "OUT_OF_RANGE", "good.0", good=[-1]),
    tally("a negative total", "OUT_OF_RANGE", "total.0", good=[-2], total=[-1]),
    tally("good above total", "OUT_OF_RANGE", "good.0", good=[3]),
    tally("a total beyond 2^53", "OUT_OF_RANGE", "total.0", total=[str(2**53)]),
    tally("a tally that ends before it starts", "OUT_OF_RANGE", "ends.0", ends=["2024-04-30T23:59:00Z"]),
    tally("a tally in two cells", "OUT_OF_RANGE", "ends.0", ends=["2024-05-01T00:15:01Z"]),
    tally("columns of two lengths", "INVALID", "starts", good=[1, 1]),
    tally("neither ends nor a duration", "INVALID", "ends", ends=None),
    tally("other content of a known tally", "FACT_CONFLICT", "starts.0", starts=[END], ends=["2024-05-01T01:15:00Z"]),
    tally("a tally that does not last", "OUT_OF_RANGE", "ends.0", ends=None, duration="PT0S"),
    tally("a revision of a tally that was never", "REVISION_CONFLICT", "starts.0", replacesRevision=4),
    tally("the largest number as a tally's revision", "OUT_OF_RANGE", "replacesRevision", replacesRevision=2**31 - 1),
    tally("a revision of a tally below the first", "OUT_OF_RANGE", "replacesRevision", replacesRevision=-5),
    tally("tallies of a metric of outages", "INVALID", "stream.metric", stream=stream()),
    tally("an unknown vendor of tallies", "NOT_FOUND", "stream.vendor", stream=stream(metric="good", vendor="nobody")),
    sample("a value of too many digits", "OUT_OF_RANGE", "values.0", values=["1e20"]),
    sample("two values at one instant", "FACT_CONFLICT", "instants.1", instants=[AT, AT], values=["1", "2"]),
    sample("samples in columns of two lengths", "INVALID", "instants", instants=[AT, END]),
    refused(
        "one stream twice in a call",
        "recordMeasurements",
        given(tallies=[TALLIES, TALLIES]),
        "INVALID",
        "tallies.1.stream",
        key="vendor",
    ),
    refused(
        "no good point to keep",
        "recordMeasurements",
        given(tallies=[{**TALLIES, "stream": UNHEARD_OF, "good": [9]}], onInvalid="KEEP_GOOD"),
        "OUT_OF_RANGE",
        "tallies.0.good.0",
        key="vendor",
    ),
    refused(
        "201 series",
        "recordMeasurements",
        given(tallies=[{**TALLIES, "stream": stream(metric="good", source=f"s{at}")} for at in range(201)]),
        "TOO_MANY",
        "tallies",
        key="vendor",
    ),
    refused(
        "5,001 points",
        "recordMeasurements",
        given(samples=[{**SAMPLES, "instants": [AT] * 5001, "values": [1] * 5001}]),
        "TOO_MANY",
        "",
        key="vendor",
        says="at most 5000",
    ),
    value("NaN as a value", "NaN", "not a finite decimal number"),
    value("infinity as a value", "-Infinity", "not a finite decimal number"),
    value("a value in words", "many", "not a finite decimal number"),
    value("true as a value", True, "a string is needed"),
    count("a count with a fraction", 1.5, "a whole number is needed"),
    count("a count of more than 64 bits", "9223372036854775808", "more than 64 bits"),
    withdrawn_points("a withdrawal of an unknown point", "NOT_FOUND", "instants.0"),
    withdrawn_points(
        "a withdrawal of points of an unknown service",
        "NOT_FOUND",
        "stream.service",
        stream=stream(service="no", metric="good"),
    ),
    withdrawn_points("a withdrawal of outages as points", "INVALID", "stream.metric", stream=stream()),
    withdrawn_points(
        "a withdrawal of the largest number", "OUT_OF_RANGE", "replacesRevision", replacesRevision=2**31 - 1
    ),
]

ROWS = [*OUTAGES, *MEASUREMENTS]
