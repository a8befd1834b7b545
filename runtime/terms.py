"""What a file of terms says, as the nouns of the domain: one agreement, its objectives, services and exclusions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid5

from domain.agreement import Agreement, Version
from domain.calendars import RollingWindow
from domain.exclusion import Exclusion
from domain.ids import ServiceId
from domain.metric import Metric
from domain.objective import Objective
from domain.service import Service

_NAMESPACE = UUID("6f0f3f0e-5d0c-5f58-9a2b-0d6f6a1f7c11")


def id_of(kind: str, code: str) -> UUID:
    """The same for the same code in every run: nothing of a file is kept, so nothing is minted."""
    return uuid5(_NAMESPACE, f"{kind}/{code}")


@dataclass(frozen=True, slots=True)
class RecordName:
    """How outage records name a service. `vendor` None: any vendor."""

    vendor: str | None
    service: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """An objective with the services on which it is judged."""

    objective: Objective
    metric: Metric
    services: tuple[ServiceId, ...]

    @property
    def is_rolling(self) -> bool:
        return isinstance(self.objective.window, RollingWindow)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """`feeds`: the services that the records of a name are about. `zone` is where the file's dates are local.

    `reported_through`: how far the facts are complete; None where they are, for all that is judged.
    Invariant: the agreement has one version, in force from its start.
    """

    agreement: Agreement
    provider: str
    customer: str | None
    zone: str
    services: Mapping[ServiceId, Service]
    metrics: Mapping[str, Metric]
    promises: tuple[Promise, ...]
    exclusions: tuple[Exclusion, ...]
    feeds: Mapping[RecordName, tuple[ServiceId, ...]]
    reported_through: datetime | None

    @property
    def version(self) -> Version:
        return self.agreement.versions[0]

    def service_coded(self, code: str) -> ServiceId | None:
        found = ServiceId(id_of("service", code))
        return found if found in self.services else None

    def fed_by(self, vendor: str, service: str) -> tuple[ServiceId, ...]:
        """The services that a record of this vendor and service is about; none where it is under none of the terms."""
        named = self.feeds.get(RecordName(vendor, service), ())
        return tuple(dict.fromkeys((*named, *self.feeds.get(RecordName(None, service), ()))))
