"""Periods laid down as terms, the verdicts on them, breaches, the feed, and the keys of repeated calls."""

from __future__ import annotations

from persistence.migrate import run

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# judged_scope: which objectives are judged on which services. A mark finds its periods by it without reading them all.
PERIODS = """
CREATE TABLE judged_scope (
    tenant_id uuid NOT NULL,
    service_id uuid NOT NULL,
    objective_id uuid NOT NULL,
    PRIMARY KEY (tenant_id, service_id, objective_id),
    CONSTRAINT judged_scope_service_fkey FOREIGN KEY (tenant_id, service_id) REFERENCES service,
    CONSTRAINT judged_scope_objective_fkey FOREIGN KEY (tenant_id, objective_id) REFERENCES objective
);
CREATE INDEX judged_scope_objective ON judged_scope (tenant_id, objective_id, service_id);

CREATE TABLE judged_period (
    tenant_id uuid NOT NULL,
    period_id uuid NOT NULL,
    objective_id uuid NOT NULL,
    service_id uuid NOT NULL,
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    report_only boolean NOT NULL,
    due_at timestamptz,
    PRIMARY KEY (tenant_id, period_id),
    CONSTRAINT judged_period_start_key UNIQUE (tenant_id, objective_id, service_id, starts_at),
    CONSTRAINT judged_period_scope_fkey FOREIGN KEY (tenant_id, service_id, objective_id) REFERENCES judged_scope,
    CONSTRAINT judged_period_span_check CHECK (ends_at > starts_at)
);
CREATE INDEX judged_period_due ON judged_period (tenant_id, due_at, period_id) WHERE due_at IS NOT NULL;
"""

ATTAINMENTS = """
CREATE TABLE attainment (
    tenant_id uuid NOT NULL,
    period_id uuid NOT NULL,
    revision integer NOT NULL,
    objective_id uuid NOT NULL,
    service_id uuid NOT NULL,
    agreement_id uuid NOT NULL,
    version_id uuid NOT NULL,
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    report_only boolean NOT NULL,
    judged_at timestamptz NOT NULL,
    phase text NOT NULL CONSTRAINT attainment_phase_check CHECK (phase IN ('open', 'provisional', 'final', 'restated')),
    status text NOT NULL CONSTRAINT attainment_status_check CHECK (status IN (
        'met', 'below_expected', 'missed', 'pending', 'held', 'not_applicable')),
    value_numerator numeric,
    value_denominator numeric,
    coverage_numerator numeric,
    coverage_denominator numeric,
    evidence jsonb NOT NULL,
    next_at timestamptz,
    PRIMARY KEY (tenant_id, period_id, revision),
    CONSTRAINT attainment_period_fkey FOREIGN KEY (tenant_id, period_id) REFERENCES judged_period,
    CONSTRAINT attainment_agreement_fkey FOREIGN KEY (tenant_id, agreement_id) REFERENCES agreement,
    CONSTRAINT attainment_revision_check CHECK (revision > 0)
);
CREATE INDEX attainment_start ON attainment (tenant_id, starts_at, period_id);
CREATE INDEX attainment_objective ON attainment (tenant_id, objective_id, starts_at, period_id);
CREATE INDEX attainment_agreement ON attainment (tenant_id, agreement_id, starts_at, period_id);
"""

# A breach outlives its period: where a successor takes a period away, the breach stays as withdrawn. So no foreign key.
BREACHES = """
CREATE TABLE breach (
    tenant_id uuid NOT NULL,
    breach_id uuid NOT NULL,
    period_id uuid NOT NULL,
    objective_id uuid NOT NULL,
    agreement_id uuid NOT NULL,
    service_id uuid NOT NULL,
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    severity text NOT NULL CONSTRAINT breach_severity_check CHECK (severity IN ('expected', 'minimum')),
    state text NOT NULL CONSTRAINT breach_state_check CHECK (state IN ('open', 'confirmed', 'withdrawn')),
    state_since timestamptz NOT NULL,
    opened_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, breach_id),
    CONSTRAINT breach_period_key UNIQUE (tenant_id, period_id),
    CONSTRAINT breach_objective_fkey FOREIGN KEY (tenant_id, objective_id) REFERENCES objective,
    CONSTRAINT breach_agreement_fkey FOREIGN KEY (tenant_id, agreement_id) REFERENCES agreement,
    CONSTRAINT breach_service_fkey FOREIGN KEY (tenant_id, service_id) REFERENCES service
);
CREATE INDEX breach_opened ON breach (tenant_id, opened_at, breach_id);
CREATE INDEX breach_agreement ON breach (tenant_id, agreement_id, opened_at, breach_id);
"""

FEED = """
CREATE TABLE feed (
    tenant_id uuid NOT NULL,
    number bigint NOT NULL,
    kind text NOT NULL CONSTRAINT feed_kind_check CHECK (kind IN ('facts', 'terms', 'catalog', 'breach')),
    recorded_at timestamptz NOT NULL,
    caller_id uuid NOT NULL,
    posting_id uuid,
    agreement_id uuid,
    service_id uuid,
    provider_id uuid,
    customer_id uuid,
    transition text CONSTRAINT feed_transition_check CHECK (transition IN (
        'opened', 'severity_changed', 'confirmed', 'withdrawn')),
    severity text CONSTRAINT feed_severity_check CHECK (severity IN ('expected', 'minimum')),
    body jsonb,
    PRIMARY KEY (tenant_id, number),
    CONSTRAINT feed_posting_key UNIQUE (tenant_id, posting_id),
    CONSTRAINT feed_event_check CHECK (num_nonnulls(body, posting_id) = 1 AND (kind = 'breach') = (body IS NOT NULL))
);
CREATE INDEX feed_breach ON feed (tenant_id, number) WHERE kind = 'breach';
CREATE INDEX feed_recorded ON feed (tenant_id, recorded_at, number);
"""

# owner_id: the caller's party, else the tenant. A key is held by the first transaction that inserts it.
IDEMPOTENCY = """
CREATE TABLE idempotency_key (
    tenant_id uuid NOT NULL,
    owner_id uuid NOT NULL,
    key text COLLATE "C" NOT NULL,
    operation text NOT NULL,
    digest bytea NOT NULL,
    result jsonb,
    PRIMARY KEY (tenant_id, owner_id, key)
);
"""

TABLES = ("judged_scope", "judged_period", "attainment", "breach", "feed", "idempotency_key")

POLICY = """
ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON {table}
    USING (tenant_id = current_setting('interpact.tenant')::uuid)
    WITH CHECK (tenant_id = current_setting('interpact.tenant')::uuid);
GRANT SELECT, INSERT ON {table} TO interpact_service;
"""

# A running verdict is replaced and a period that a successor governs is taken away; the feed and final verdicts stay.
GRANTS = """
GRANT UPDATE (due_at), DELETE ON judged_period TO interpact_service;
GRANT UPDATE (judged_at, phase, status, value_numerator, value_denominator, coverage_numerator, coverage_denominator,
    evidence, next_at), DELETE ON attainment TO interpact_service;
GRANT UPDATE (severity, state, state_since) ON breach TO interpact_service;
GRANT UPDATE (result) ON idempotency_key TO interpact_service;
"""


def upgrade() -> None:
    for part in (PERIODS, ATTAINMENTS, BREACHES, FEED, IDEMPOTENCY):
        run(part)
    for table in TABLES:
        run(POLICY.format(table=table))
    run(GRANTS)


def downgrade() -> None:
    run("DROP TABLE " + ", ".join(TABLES))
