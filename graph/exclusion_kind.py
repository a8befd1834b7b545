"""The kinds of exclusions, for agreements that speak of them and for exclusions themselves."""

from __future__ import annotations

from domain.exclusion import ExclusionKind
from graph.fields import described

KIND = "Why it does not count."

described(
    ExclusionKind,
    "Why time does not count.",
    MAINTENANCE="Work that was announced as the agreement asks.",
    FORCE_MAJEURE="Beyond anybody's reach.",
    CUSTOMER_CAUSED="The customer brought it about.",
    SUSPENSION="The service was suspended rightly.",
    AGREED="Both sides agreed that it does not count.",
)
