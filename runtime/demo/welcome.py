"""What a newcomer needs next: the address, keys, and a first query that can be pasted into a shell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rich.console import Group
from rich.text import Text

from runtime.demo.loading import Loaded

FIRST_QUERY = (
    "{ breaches(first: 3) { totalCount nodes { openedAt state agreement { code } service { code } "
    "period { start end } attainment { status value expected } } } }"
)
"""Free of quotes, so that it stands in JSON inside a shell's single quotes as it is."""


def first_query(loaded: Loaded, address: str) -> Mapping[str, object]:
    return {"query": FIRST_QUERY, "curl": _curl(loaded.keys.manager, address)}


def welcome(loaded: Loaded, address: str, *, served: bool) -> Group:
    return Group(*_welcome(loaded, address, served=served))


def _welcome(loaded: Loaded, address: str, *, served: bool) -> Iterator[Text]:
    keys = loaded.keys
    served_text = f"Serving {address}/graphql until Ctrl-C"
    yield Text(served_text if served else f"{address}/graphql is where `interpact demo` would serve it", style="bold")
    yield Text(f"Key of the company's service level manager, for 30 days:\n  {keys.manager}")
    yield Text(
        f"Key of {keys.vendor_code}'s integration, which sees and posts that vendor's own only:\n  {keys.vendor}"
    )
    yield Text(f"A first query, the newest breaches:\n{_curl(keys.manager, address)}")
    yield Text(
        "After the records end nobody reports, so later periods are held. docs/demo.md shows how to post an outage and "
        "watch its breach arrive.",
        style="dim",
    )


def _curl(key: str, address: str) -> str:
    return (
        f"curl -s {address}/graphql \\\n"
        f"  -H 'Authorization: Bearer {key}' \\\n"
        f"  -H 'Content-Type: application/json' \\\n"
        f'  -d \'{{"query": "{FIRST_QUERY}"}}\''
    )
