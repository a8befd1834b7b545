"""One NewType per identifier. Identifiers are UUIDv7, minted by runtime/ and passed in."""

from typing import NewType
from uuid import UUID

TenantId = NewType("TenantId", UUID)
KeyId = NewType("KeyId", UUID)
PersonId = NewType("PersonId", UUID)
MembershipId = NewType("MembershipId", UUID)
"""What one person is in one tenant; an invitation is one that nobody has taken up yet."""
PartyId = NewType("PartyId", UUID)
ServiceId = NewType("ServiceId", UUID)
MetricId = NewType("MetricId", UUID)
AgreementId = NewType("AgreementId", UUID)
VersionId = NewType("VersionId", UUID)
ObjectiveId = NewType("ObjectiveId", UUID)
StreamId = NewType("StreamId", UUID)
PeriodId = NewType("PeriodId", UUID)
"""One period of one objective on one service; the verdict on it, its attainment, is known by the same id."""
ExclusionId = NewType("ExclusionId", UUID)
BreachId = NewType("BreachId", UUID)
AuditEntryId = NewType("AuditEntryId", UUID)
PostingId = NewType("PostingId", UUID)
"""One transaction that added facts or terms; its feed position tells when it became known."""
Position = NewType("Position", int)
"""A place in one tenant's feed: dense from 1, in commit order."""
