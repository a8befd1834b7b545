"""What was set aside, as JSON beside a verdict's evidence."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.aside import NOTHING_ASIDE, ExclusionUsed, SetAside
from domain.exclusion import ExclusionKind
from domain.ids import ExclusionId


def aside_to_json(aside: SetAside) -> dict[str, object]:
    return {
        "closed_us": aside.closed_us,
        "excluded_us": aside.excluded_us,
        "exclusions": [
            {
                "exclusion": str(used.exclusion),
                "kind": used.kind.value,
                "starts_at": used.starts_at.isoformat(),
                "recurrence": used.recurrence,
                "us": used.us,
            }
            for used in aside.exclusions
        ],
        "exclusions_total": aside.exclusions_total,
    }


def to_aside(kept: Mapping[str, Any] | None) -> SetAside:
    """Verdicts from before it was kept told only how much was excluded."""
    if kept is None:
        return NOTHING_ASIDE
    return SetAside(
        closed_us=kept["closed_us"],
        excluded_us=kept["excluded_us"],
        exclusions=tuple(
            ExclusionUsed(
                exclusion=ExclusionId(UUID(used["exclusion"])),
                kind=ExclusionKind(used["kind"]),
                starts_at=datetime.fromisoformat(used["starts_at"]),
                recurrence=used["recurrence"],
                us=used["us"],
            )
            for used in kept["exclusions"]
        ),
        exclusions_total=kept["exclusions_total"],
    )
