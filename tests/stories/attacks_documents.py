"""Documents that are dear to read, to check or to answer, and the twelve habits that graphql-cop looks for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from graphql import get_introspection_query

from tests.stories.attacking import JSON, Act, Attack, Seen, Target, asking, head, request, salted, spoken

FORM = {"content-type": "application/x-www-form-urlencoded"}
EVIL = {"origin": "https://evil.example"}
CREATE = 'mutation { createParty(input: {code: "evil", name: "Evil", kind: VENDOR}) { userErrors { code } } }'
DRAFT = "mutation ($input: DraftAgreementInput!) { draftAgreement(input: $input) { userErrors { code } } }"
RECORD = "mutation ($input: RecordOutagesInput!) { recordOutages(input: $input) { userErrors { code } } }"
MEASURE = "mutation ($input: RecordMeasurementsInput!) { recordMeasurements(input: $input) { userErrors { code } } }"
NODES = "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }"


def asked(
    name: str, document: str, ends: str, says: str = "", *, variables: object = None, runs: bool = False
) -> Attack:
    return Attack(name=name, act=_asking(document, variables), ends=ends, says=says, runs=runs)


def _asking(document: str, variables: object) -> Act:
    async def act(target: Target) -> Seen:
        return await spoken(target, request(target, asking(target, document, variables)))

    return act


def posted(
    name: str,
    body: bytes,
    ends: str,
    says: str = "",
    *,
    headers: Mapping[str, str] = JSON,
    keyed: bool = True,
) -> Attack:
    async def act(target: Target) -> Seen:
        return await spoken(target, request(target, body, headers, keyed=keyed))

    return Attack(name=name, act=act, ends=ends, says=says)


def got(
    name: str, document: str, ends: str, says: str = "", *, headers: Mapping[str, str] | None = None, keyed: bool = True
) -> Attack:
    async def act(target: Target) -> Seen:
        path = f"/graphql?query={quote(salted(target, document))}" if document else "/graphql"
        return await spoken(target, head(target, headers or {}, method="GET", path=path, keyed=keyed))

    return Attack(name=name, act=act, ends=ends, says=says)


def _json(document: str, **more: object) -> bytes:
    return json.dumps({"query": document, **more}).encode()


def introspecting_twenty_times() -> str:
    """The standard query's answer under twenty names."""
    standard = get_introspection_query()
    start = standard.index("__schema {") + len("__schema ")
    depth = 0
    for end in range(start, len(standard)):
        depth += {"{": 1, "}": -1}.get(standard[end], 0)
        if standard[end] == "}" and depth == 0:
            break
    fragments = standard[standard.index("fragment ") :]
    names = " ".join(f"n{number}: __schema {{ ...Whole }}" for number in range(20))
    return f"{{ {names} }} fragment Whole on __Schema {standard[start : end + 1]} {fragments}"


async def _introspected_anew(target: Target) -> Seen:
    """Under another name each time, so that no answer is known."""
    document = get_introspection_query().replace("__schema", f"n{next(target.numbers)}: __schema", 1)
    return await spoken(target, request(target, asking(target, document)))


def shared(operations: int, fragments: int) -> str:
    """Each operation leads to every fragment, and each of them to all that follow."""
    asking = " ".join(f"query Q{n} {{ ...F0 }}" for n in range(operations))
    chain = " ".join(f"fragment F{n} on Query {{ ...F{n + 1} }}" for n in range(fragments))
    return f"{asking} {chain} fragment F{fragments} on Query {{ viewer {{ role }} }}"


def circles(depth: int) -> str:
    return "{ __schema { types " + "{ fields { type " * depth + "{ name }" + " } }" * depth + " } }"


def doubling(length: int) -> str:
    """A chain of fragments in which each spreads the next twice: 2^length selections in so many lines."""
    chain = " ".join(
        f"fragment F{n} on Viewer {{ ...F{n + 1} ... on Viewer {{ ...F{n + 1} }} }}" for n in range(length)
    )
    return f"{{ viewer {{ ...F0 }} }} {chain} fragment F{length} on Viewer {{ role }}"


def wide(fragments: int, keys: int) -> str:
    """Fragments of many keys each, in a chain, so that every one adds up all those below it."""
    bodies = [
        f"fragment F{n} on Viewer {{ {' '.join(f'k{n}x{k}: role' for k in range(keys))} "
        + (f"...F{n + 1} }}" if n + 1 < fragments else "}")
        for n in range(fragments)
    ]
    return "{ viewer { ...F0 } } " + " ".join(bodies)


def chained(length: int) -> str:
    """One wide fragment at the end of a long chain: without an alias, and within all that is counted one by one."""
    fields = "id code name kind parent { id }"
    chain = " ".join(f"fragment F{n} on Party {{ ...F{n + 1} }}" for n in range(length))
    return f"{{ parties {{ nodes {{ ...F0 }} }} }} {chain} fragment F{length} on Party {{ {fields} }}"


def overlapping() -> str:
    """As many pairs to be compared as the limits let through, at each level once more."""
    leaves = "id code name"
    parts = [
        f"fragment F{n} on Agreement {{ {leaves} provider {{ {leaves} parent {{ {leaves} }} }} "
        f"customer {{ {leaves} parent {{ {leaves} }} }} service {{ {leaves} provider {{ {leaves} }} }} }}"
        for n in range(5)
    ]
    spreads = " ".join(f"...F{n}" for n in range(5))
    return f"{{ agreements {{ nodes {{ {spreads} }} }} }} {' '.join(parts)}"


def nested(depth: int, inner: str) -> str:
    return "[" * depth + inner + "]" * depth


MEMBERS = [str(number) for number in range(90_000)]


def _outages(count: int) -> dict[str, Any]:
    stream = {"metric": "a", "service": "b", "vendor": "c"}
    line = {"stream": stream, "externalId": "x", "impact": "i", "startedAt": "2024-05-01T00:00:00Z"}
    return {"input": {"outages": [line] * count}}


COP = [
    asked(
        "alias overloading",
        "{ " + " ".join(f"a{n}: viewer {{ role }}" for n in range(100)) + " }",
        "200 TOO_MANY_ALIASES",
        "100 aliases; at most 30 are allowed",
    ),
    posted(
        "array-based query batching",
        b"[" + b",".join([_json("{ viewer { role } }")] * 10) + b"]",
        "400 BAD_REQUEST",
        "A request is a JSON object, not an array",
    ),
    asked(
        "directive overloading",
        "{ viewer { role " + "@include(if: true) " * 50 + "} }",
        "200 TOO_MANY_DIRECTIVES",
        "50 directives; at most 10 are allowed",
    ),
    asked(
        "field duplication",
        "{ viewer { " + "role " * 500 + "} }",
        "200 SAME_KEY_REPEATED",
        "500 selections of one response key; at most 5 are allowed",
    ),
    asked(
        "circular introspection",
        circles(4),
        "200 INTROSPECTION_TOO_LARGE",
        "values or so that it asks of the schema; at most",
    ),
    got(
        "a query by GET from another page",
        "{ viewer { role } }",
        "401 UNAUTHENTICATED",
        "send an API key",
        headers=EVIL,
        keyed=False,
    ),
    got("a mutation by GET", CREATE, "405 METHOD_NOT_ALLOWED", "POST the mutation"),
    posted(
        "a query in a form",
        b"query=" + quote("{ viewer { role } }").encode(),
        "415 UNSUPPORTED_MEDIA_TYPE",
        "must be sent as application/json",
        headers=FORM | EVIL,
    ),
    posted(
        "a mutation in a form",
        b"query=" + quote(CREATE).encode(),
        "415 UNSUPPORTED_MEDIA_TYPE",
        "must be sent as application/json",
        headers=FORM | EVIL,
    ),
    posted(
        "a mutation as plain text",
        _json(CREATE),
        "415 UNSUPPORTED_MEDIA_TYPE",
        "must be sent as application/json",
        headers={"content-type": "text/plain"} | EVIL,
    ),
    asked(
        "field suggestions",
        "{ viewer { rol } partie { totalCount } }",
        "200 GRAPHQL_VALIDATION_FAILED",
        "Cannot query field 'rol' on type 'Viewer'.",
    ),
    Attack(
        name="trace mode",
        act=lambda target: spoken(
            target,
            request(
                target,
                _json("{ viewer { role } }", extensions={"tracing": True}),
                JSON | {"apollo-federation-include-trace": "ftv1", "x-apollo-tracing": "1"},
            ),
        ),
        ends="200 data",
        says='"extensions":{"cost":{"requested":2,"limit":10000}}}',
        runs=True,
    ),
    got("a GraphQL IDE", "", "200 text/html", "default-src 'none'", headers={"accept": "text/html"}, keyed=False),
    posted("introspection without a key", _json(get_introspection_query()), "401 UNAUTHENTICATED", keyed=False),
    asked("introspection with a key", get_introspection_query(), "200 data", "__schema", runs=True),
    asked("unhandled errors", "query { viewer { role }", "200 GRAPHQL_PARSE_FAILED", "Syntax Error"),
]

DOCUMENTS = [
    asked(
        "introspection under twenty names",
        introspecting_twenty_times(),
        "200 INTROSPECTION_TOO_LARGE",
        "values or so that it asks of the schema; at most",
    ),
    Attack(name="introspection in ever new words", act=_introspected_anew, ends="200 data", runs=True),
    asked("operations that share many fragments", shared(20, 100), "200 OPERATION_RESOLUTION_FAILURE"),
    asked(
        "introspection of each field's fields",
        "{ __schema { types { fields { type { fields { name type { name } } } } } } }",
        "200 data",
        runs=True,
    ),
    asked("a fragment that doubles 60 times", doubling(60), "200 SAME_KEY_REPEATED", "at most 5 are allowed"),
    asked(
        "wide fragments in a chain",
        wide(12, 9),
        "200 TOO_MANY_ALIASES",
        "aliases; at most 30 are allowed",
    ),
    asked("a long chain of fragments", chained(110), "200 data", runs=True),
    asked(
        "fragments in a circle",
        "{ viewer { ...A } } fragment A on Viewer { ...B } fragment B on Viewer { ...A }",
        "200 FRAGMENT_CYCLE",
        "Fragments spread themselves",
    ),
    asked("overlaps at every level", overlapping(), "200 data", runs=True),
    asked(
        "a thousand unknown fields",
        "{ viewer { " + " ".join(f"x{n}" for n in range(980)) + " } }",
        "200 GRAPHQL_VALIDATION_FAILED",
        "Cannot query field",
    ),
    asked(
        "a thousand unknown arguments",
        "{ viewer { role(" + " ".join(f"x{n}: 1" for n in range(320)) + ") } }",
        "200 GRAPHQL_VALIDATION_FAILED",
        "Unknown argument",
    ),
    asked(
        "hundreds of variables",
        "query (" + " ".join(f"$v{n}: Int" for n in range(240)) + ") { viewer { role } }",
        "200 GRAPHQL_VALIDATION_FAILED",
        "is never used",
    ),
    asked(
        "hundreds of operations",
        " ".join(f"query Q{n} {{ viewer {{ role }} }}" for n in range(120)),
        "200 TOO_MANY_OPERATIONS",
        "120 operations; at most 20 are allowed",
    ),
    asked("fields nested 100 deep", "{ a " * 100 + "}" * 100, "200 QUERY_TOO_DEEP", "at most 12 are allowed"),
    asked("brackets nested 900 deep", "{" * 900, "200 GRAPHQL_PARSE_FAILED", "Syntax Error"),
    asked(
        "a literal nested 100 deep",
        f"{{ nodes(ids: {nested(100, '')}) {{ id }} }}",
        "200 INPUT_TOO_DEEP",
        "at most 32 are allowed",
    ),
    asked("commas without end", "{ viewer { role } }" + "," * 14_900, "200 data", runs=True),
    asked(
        "a document of a megabyte", "{ viewer { role } }" + " " * 1_000_000, "200 DOCUMENT_TOO_LONG", "at most 15000"
    ),
    asked(
        "11 root fields that ask for the most",
        "{ "
        + " ".join(
            f"a{n}: agreements(first: 100) {{ nodes {{ versions {{ objectives {{ id }} }} }} }}" for n in range(11)
        )
        + " }",
        "200 COST_TOO_HIGH",
        "at most 10000 is allowed",
    ),
]

VALUES = [
    asked(
        "an integer of 10,000 digits",
        f"{{ parties(first: {'9' * 10_000}) {{ totalCount }} }}",
        "200 GRAPHQL_VALIDATION_FAILED",
        "Int",
    ),
    asked(
        "an id of 10,000 digits",
        f"{{ nodes(ids: [{'9' * 10_000}]) {{ id }} }}",
        "200 data and INVALID",
        runs=True,
    ),
    asked(
        "an id of 10,000 digits in a mutation",
        "mutation { withdrawExclusion(input: {replacesRevision: 1, exclusion: "
        + "9" * 10_000
        + "}) { userErrors { code } } }",
        "200 data",
        "INVALID",
        runs=True,
    ),
    asked("a page of 2^31", "{ parties(first: 2147483648) { totalCount } }", "200 GRAPHQL_VALIDATION_FAILED"),
    asked("an id of a megabyte", NODES, "200 data and INVALID", variables={"ids": ["x" * 1_000_000]}, runs=True),
    asked("250,000 ids", NODES, "400 INPUT_TOO_LARGE", "at most 50000", variables={"ids": ["x"] * 250_000}),
    asked("500,000 numbers", NODES, "400 INPUT_TOO_LARGE", "at most 50000", variables={"ids": [0] * 500_000}),
    asked("340,000 empty lists", NODES, "400 INPUT_TOO_LARGE", "at most 50000", variables={"ids": [[]] * 340_000}),
    asked("90,000 members", NODES, "400 INPUT_TOO_LARGE", "at most 50000", variables=dict.fromkeys(MEMBERS, 0)),
    asked("5,500 outages", RECORD, "400 INPUT_TOO_LARGE", "at most 2500 are allowed", variables=_outages(5_500)),
    asked("1,250 outages", RECORD, "400 INPUT_TOO_LARGE", "at most 2500 are allowed", variables=_outages(1_250)),
    asked("outages that lack all", RECORD, "200 BAD_USER_INPUT", variables={"input": {"outages": [{}] * 1_000}}),
    asked(
        "a decimal of a megabyte",
        DRAFT,
        "200 BAD_USER_INPUT",
        variables={"input": {"objectives": [{"expected": "9" * 1_000_000}]}},
    ),
    asked(
        "a decimal with an endless exponent",
        DRAFT,
        "200 BAD_USER_INPUT",
        variables={"input": {"objectives": [{"expected": "1e999999999"}]}},
    ),
    asked(
        "an instant of a megabyte",
        MEASURE,
        "200 BAD_USER_INPUT",
        variables={"input": {"samples": [{"instants": ["2024-" + "0" * 1_000_000], "values": ["1"]}]}},
    ),
    asked(
        "a duration of a megabyte",
        DRAFT,
        "200 BAD_USER_INPUT",
        variables={"input": {"grace": "P" + "1Y" * 500_000}},
    ),
    asked(
        "variables nested 40 deep",
        NODES,
        "400 INPUT_TOO_DEEP",
        "more than 32 deep",
        variables={"ids": json.loads(nested(40, ""))},
    ),
]
