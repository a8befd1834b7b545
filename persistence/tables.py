"""The tables as the queries name them. Keys, checks, policies and grants are in alembic/versions; a test compares."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Integer,
    Interval,
    LargeBinary,
    MetaData,
    Numeric,
    SmallInteger,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeEngine

metadata = MetaData()

ID = Uuid()
INSTANT = DateTime(timezone=True)
TEXT = Text()
EXACT = Numeric()


def _table(name: str, /, **columns: TypeEngine[Any]) -> Table:
    return Table(name, metadata, *(Column(key, kind) for key, kind in columns.items()))


tenant = _table("tenant", tenant_id=ID, code=TEXT, name=TEXT, created_at=INSTANT)

api_key = _table(
    "api_key",
    key_id=ID,
    tenant_id=ID,
    secret_hash=LargeBinary(),
    role=TEXT,
    party_id=ID,
    label=TEXT,
    created_at=INSTANT,
    expires_at=INSTANT,
    revoked_at=INSTANT,
)

person = _table("person", person_id=ID, issuer=TEXT, subject=TEXT, created_at=INSTANT)

membership = _table(
    "membership",
    tenant_id=ID,
    membership_id=ID,
    person_id=ID,
    role=TEXT,
    party_id=ID,
    state=TEXT,
    code_hash=LargeBinary(),
    invited_at=INSTANT,
    expires_at=INSTANT,
    joined_at=INSTANT,
)

feed_head = _table(
    "feed_head",
    tenant_id=ID,
    last_number=BigInteger(),
    last_recorded_at=INSTANT,
    judged_number=BigInteger(),
    due_at=INSTANT,
    floor_number=BigInteger(),
)

party = _table("party", tenant_id=ID, party_id=ID, code=TEXT, name=TEXT, kind=TEXT, parent_id=ID)

party_line = _table("party_line", tenant_id=ID, ancestor_id=ID, party_id=ID, distance=SmallInteger())

service = _table("service", tenant_id=ID, service_id=ID, code=TEXT, name=TEXT, provider_id=ID)

service_consumer = _table("service_consumer", tenant_id=ID, service_id=ID, party_id=ID)

service_structure = _table(
    "service_structure", tenant_id=ID, service_id=ID, effective_from=INSTANT, structure=JSONB(), posting_id=ID
)

service_component = _table("service_component", tenant_id=ID, service_id=ID, component_id=ID)

metric = _table(
    "metric",
    tenant_id=ID,
    metric_id=ID,
    code=TEXT,
    name=TEXT,
    aggregation=TEXT,
    direction=TEXT,
    unit=TEXT,
    scale=SmallInteger(),
    grid=Interval(),
    weights=JSONB(),
    methodology=TEXT,
    shape=TEXT,
    percentile=EXACT,
    slice=Interval(),
    slice_target=EXACT,
    slice_direction=TEXT,
    staleness=Interval(),
)

agreement = _table(
    "agreement",
    tenant_id=ID,
    agreement_id=ID,
    code=TEXT,
    name=TEXT,
    kind=TEXT,
    provider_id=ID,
    customer_id=ID,
    service_id=ID,
    starts_at=INSTANT,
    ends_at=INSTANT,
    posting_id=ID,
)

agreement_version = _table(
    "agreement_version",
    tenant_id=ID,
    version_id=ID,
    agreement_id=ID,
    number=Integer(),
    effective_from=INSTANT,
    grace=Interval(),
    judge_partial_periods=Boolean(),
    clauses=JSONB(),
    exclusion_terms=JSONB(),
    recurring=JSONB(),
    posting_id=ID,
    activated_at=INSTANT,
    activation_posting_id=ID,
)

objective = _table(
    "objective",
    tenant_id=ID,
    objective_id=ID,
    version_id=ID,
    ordinal=SmallInteger(),
    code=TEXT,
    name=TEXT,
    metric_id=ID,
    direction=TEXT,
    expected_numerator=EXACT,
    expected_denominator=EXACT,
    minimum_numerator=EXACT,
    minimum_denominator=EXACT,
    window_kind=TEXT,
    window_zone=TEXT,
    window_anchor_day=SmallInteger(),
    window_days=SmallInteger(),
    hours=JSONB(),
    importance=TEXT,
    source=TEXT,
    minimum_duration=Interval(),
    granularity=TEXT,
    missing=TEXT,
    coverage_numerator=EXACT,
    coverage_denominator=EXACT,
    override=TEXT,
    low_volume=TEXT,
    case_milestone=TEXT,
    case_limit=Interval(),
)

stream = _table(
    "stream",
    tenant_id=ID,
    stream_id=ID,
    metric_id=ID,
    service_id=ID,
    source=TEXT,
    customer_id=ID,
    vendor_id=ID,
    posting_id=ID,
)

stream_report = _table("stream_report", tenant_id=ID, stream_id=ID, reported_through=INSTANT, posting_id=ID)

outage = _table(
    "outage",
    tenant_id=ID,
    stream_id=ID,
    external_id=TEXT,
    revision=Integer(),
    outage_id=ID,
    posting_id=ID,
    impact=TEXT,
    starts_at=INSTANT,
    ends_at=INSTANT,
)

outage_segment = _table("outage_segment", tenant_id=ID, stream_id=ID, month=Date(), external_id=TEXT)

open_outage = _table("open_outage", tenant_id=ID, stream_id=ID, external_id=TEXT)

tally = _table(
    "tally",
    tenant_id=ID,
    stream_id=ID,
    starts_at=INSTANT,
    revision=Integer(),
    ends_at=INSTANT,
    good=BigInteger(),
    total=BigInteger(),
    posting_id=ID,
)

sample = _table(
    "sample",
    tenant_id=ID,
    stream_id=ID,
    at=INSTANT,
    revision=Integer(),
    value=BigInteger(),
    posting_id=ID,
    original=TEXT,
)

tally_cell = _table(
    "tally_cell",
    tenant_id=ID,
    stream_id=ID,
    starts_at=INSTANT,
    **{
        f"{name}_{quarter}": kind
        for quarter in range(4)
        for name, kind in (("points", Integer()), ("good", EXACT), ("total", EXACT))
    },
)

sample_cell = _table(
    "sample_cell",
    tenant_id=ID,
    stream_id=ID,
    starts_at=INSTANT,
    stale=SmallInteger(),
    **{f"{name}_{q}": kind for q in range(4) for name, kind in (("points", Integer()), ("sum", EXACT))},
    **{f"{name}_{quarter}": BigInteger() for quarter in range(4) for name in ("minimum", "maximum")},
)

state_change = _table(
    "state_change", tenant_id=ID, stream_id=ID, at=INSTANT, revision=Integer(), state=TEXT, posting_id=ID
)

service_case = _table(
    "service_case",
    tenant_id=ID,
    stream_id=ID,
    external_id=TEXT,
    revision=Integer(),
    case_id=ID,
    posting_id=ID,
    opened_at=INSTANT,
    responded_at=INSTANT,
    resolved_at=INSTANT,
    pauses=JSONB(),
)

service_case_segment = _table("service_case_segment", tenant_id=ID, stream_id=ID, month=Date(), external_id=TEXT)

open_case = _table("open_case", tenant_id=ID, stream_id=ID, external_id=TEXT)

exclusion = _table(
    "exclusion",
    tenant_id=ID,
    exclusion_id=ID,
    revision=Integer(),
    kind=TEXT,
    starts_at=INSTANT,
    ends_at=INSTANT,
    service_id=ID,
    agreement_id=ID,
    announced_at=INSTANT,
    approved_by=TEXT,
    reason=TEXT,
    withdrawn=Boolean(),
    posting_id=ID,
)

exclusion_segment = _table("exclusion_segment", tenant_id=ID, scope_id=ID, month=Date(), exclusion_id=ID)

mark = _table(
    "mark",
    tenant_id=ID,
    posting_id=ID,
    ordinal=BigInteger(),
    stream_id=ID,
    service_id=ID,
    objective_id=ID,
    starts_at=INSTANT,
    ends_at=INSTANT,
)

judged_scope = _table("judged_scope", tenant_id=ID, service_id=ID, objective_id=ID)

judged_period = _table(
    "judged_period",
    tenant_id=ID,
    period_id=ID,
    objective_id=ID,
    service_id=ID,
    starts_at=INSTANT,
    ends_at=INSTANT,
    report_only=Boolean(),
    due_at=INSTANT,
)

attainment = _table(
    "attainment",
    tenant_id=ID,
    period_id=ID,
    revision=Integer(),
    objective_id=ID,
    service_id=ID,
    agreement_id=ID,
    version_id=ID,
    starts_at=INSTANT,
    ends_at=INSTANT,
    report_only=Boolean(),
    judged_at=INSTANT,
    phase=TEXT,
    status=TEXT,
    value_numerator=EXACT,
    value_denominator=EXACT,
    coverage_numerator=EXACT,
    coverage_denominator=EXACT,
    evidence=JSONB(),
    next_at=INSTANT,
)

breach = _table(
    "breach",
    tenant_id=ID,
    breach_id=ID,
    period_id=ID,
    objective_id=ID,
    agreement_id=ID,
    service_id=ID,
    starts_at=INSTANT,
    ends_at=INSTANT,
    severity=TEXT,
    state=TEXT,
    state_since=INSTANT,
    opened_at=INSTANT,
    ended_at=INSTANT,
    risk=JSONB(),
)

feed = _table(
    "feed",
    tenant_id=ID,
    number=BigInteger(),
    kind=TEXT,
    recorded_at=INSTANT,
    caller_id=ID,
    posting_id=ID,
    agreement_id=ID,
    service_id=ID,
    provider_id=ID,
    customer_id=ID,
    transition=TEXT,
    severity=TEXT,
    body=JSONB(),
)

idempotency_key = _table(
    "idempotency_key", tenant_id=ID, owner_id=ID, key=TEXT, operation=TEXT, digest=LargeBinary(), result=JSONB()
)

quota = _table("quota", tenant_id=ID, units=BigInteger(), filled_at=INSTANT)

audit_entry = _table(
    "audit_entry",
    tenant_id=ID,
    entry_id=ID,
    at=INSTANT,
    caller_kind=TEXT,
    caller_id=ID,
    role=TEXT,
    party_id=ID,
    action=TEXT,
    operation=TEXT,
    subject_count=Integer(),
    door=TEXT,
    address=TEXT,
    request_id=TEXT,
    posting_id=ID,
)

audit_subject = _table(
    "audit_subject", tenant_id=ID, entry_id=ID, ordinal=SmallInteger(), subject_type=TEXT, subject_id=ID
)
