"""Verdicts and terms as they were known at an instant: the answer to one question never changes."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import strawberry

from graph.agreement import AgreementVersion, Terms
from graph.as_of_loading import AsOf, TermsAsOf, sealed_position
from graph.attainment import Judged
from graph.fields import loaded, told, view
from graph.service import VERSIONS_SHOWN_MAX

_POSITION = "The place in the tenant's feed up to which all was known: alike where nothing came between. Opaque."


@view(AsOf, "A verdict as whoever judged at an instant would have told it: by the facts and terms that were known.")
class AttainmentAsOf(Judged):
    at: datetime = told("The instant that was asked for.", "known.known_at.at")
    position: str = loaded(_POSITION, lambda desk, as_of: sealed_position(desk, as_of.position))
    version_number: int = told("Which version of the agreement was judged by.", "known.version_number")


def _in_force(
    root: strawberry.Parent[TermsAsOf],
    on: Annotated[
        datetime | None,
        strawberry.argument(name="at", description="When it governs. Default: the instant of the knowledge."),
    ] = strawberry.UNSET,
) -> Any:
    version = root.agreement.in_force(on or root.at)
    return None if version is None else Terms(root.agreement, version, root.at)


@view(TermsAsOf, "The terms of an agreement as they were known at an instant.")
class AgreementAsOf:
    at: datetime = told("The instant that was asked for.")
    versions: list[AgreementVersion] = told(
        "The versions that were known, the first one first, each a draft where it was not activated yet; the newest"
        f" {VERSIONS_SHOWN_MAX}.",
        lambda known: [
            Terms(known.agreement, version, known.at) for version in known.agreement.versions[-VERSIONS_SHOWN_MAX:]
        ],
    )
    version_in_force: AgreementVersion | None = strawberry.field(
        resolver=_in_force, description="The version that governs an instant, as was known; null where none does."
    )
