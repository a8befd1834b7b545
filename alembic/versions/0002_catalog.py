"""Parties, services, metrics and agreements with their versions and objectives."""

from __future__ import annotations

from persistence.migrate import run

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# party_line holds each party with every one above it, itself at distance 0: what a slice and a lineage are read from.
PARTIES = """
CREATE TABLE party (
    tenant_id uuid NOT NULL CONSTRAINT party_tenant_fkey REFERENCES tenant,
    party_id uuid NOT NULL,
    code text COLLATE "C" NOT NULL,
    name text NOT NULL,
    kind text NOT NULL CONSTRAINT party_kind_check CHECK (kind IN ('customer', 'vendor', 'internal')),
    parent_id uuid,
    PRIMARY KEY (tenant_id, party_id),
    CONSTRAINT party_code_key UNIQUE (tenant_id, code),
    CONSTRAINT party_parent_fkey FOREIGN KEY (tenant_id, parent_id) REFERENCES party
);

CREATE TABLE party_line (
    tenant_id uuid NOT NULL,
    ancestor_id uuid NOT NULL,
    party_id uuid NOT NULL,
    distance smallint NOT NULL,
    PRIMARY KEY (tenant_id, ancestor_id, party_id),
    CONSTRAINT party_line_ancestor_fkey FOREIGN KEY (tenant_id, ancestor_id) REFERENCES party,
    CONSTRAINT party_line_party_fkey FOREIGN KEY (tenant_id, party_id) REFERENCES party
);
CREATE INDEX party_line_up ON party_line (tenant_id, party_id, distance);

ALTER TABLE api_key ADD CONSTRAINT api_key_party_fkey FOREIGN KEY (tenant_id, party_id) REFERENCES party;
"""

# service_component has the edges of all versions of all structures.
SERVICES = """
CREATE TABLE service (
    tenant_id uuid NOT NULL,
    service_id uuid NOT NULL,
    code text COLLATE "C" NOT NULL,
    name text NOT NULL,
    provider_id uuid NOT NULL,
    PRIMARY KEY (tenant_id, service_id),
    CONSTRAINT service_code_key UNIQUE (tenant_id, code),
    CONSTRAINT service_provider_fkey FOREIGN KEY (tenant_id, provider_id) REFERENCES party
);
CREATE INDEX service_provider ON service (tenant_id, provider_id);

CREATE TABLE service_consumer (
    tenant_id uuid NOT NULL,
    service_id uuid NOT NULL,
    party_id uuid NOT NULL,
    PRIMARY KEY (tenant_id, service_id, party_id),
    CONSTRAINT service_consumer_service_fkey FOREIGN KEY (tenant_id, service_id) REFERENCES service,
    CONSTRAINT service_consumer_party_fkey FOREIGN KEY (tenant_id, party_id) REFERENCES party
);
CREATE INDEX service_consumer_party ON service_consumer (tenant_id, party_id, service_id);

CREATE TABLE service_structure (
    tenant_id uuid NOT NULL,
    service_id uuid NOT NULL,
    effective_from timestamptz NOT NULL,
    structure jsonb NOT NULL,
    posting_id uuid NOT NULL,
    CONSTRAINT service_structure_key PRIMARY KEY (tenant_id, service_id, effective_from),
    CONSTRAINT service_structure_service_fkey FOREIGN KEY (tenant_id, service_id) REFERENCES service
);

CREATE TABLE service_component (
    tenant_id uuid NOT NULL,
    service_id uuid NOT NULL,
    component_id uuid NOT NULL,
    PRIMARY KEY (tenant_id, service_id, component_id),
    CONSTRAINT service_component_service_fkey FOREIGN KEY (tenant_id, service_id) REFERENCES service,
    CONSTRAINT service_component_component_fkey FOREIGN KEY (tenant_id, component_id) REFERENCES service
);
CREATE INDEX service_component_up ON service_component (tenant_id, component_id, service_id);
"""

METRICS = """
CREATE TABLE metric (
    tenant_id uuid NOT NULL CONSTRAINT metric_tenant_fkey REFERENCES tenant,
    metric_id uuid NOT NULL,
    code text COLLATE "C" NOT NULL,
    name text NOT NULL,
    aggregation text NOT NULL CONSTRAINT metric_aggregation_check CHECK (aggregation IN (
        'availability', 'ratio_of_sums', 'mean', 'minimum', 'maximum', 'sum', 'count')),
    direction text NOT NULL CONSTRAINT metric_direction_check CHECK (direction IN ('at_least', 'at_most')),
    unit text NOT NULL,
    scale smallint NOT NULL,
    grid interval NOT NULL,
    weights jsonb NOT NULL,
    methodology text NOT NULL,
    PRIMARY KEY (tenant_id, metric_id),
    CONSTRAINT metric_code_key UNIQUE (tenant_id, code)
);
"""

AGREEMENTS = """
CREATE TABLE agreement (
    tenant_id uuid NOT NULL,
    agreement_id uuid NOT NULL,
    code text COLLATE "C" NOT NULL,
    name text NOT NULL,
    kind text NOT NULL CONSTRAINT agreement_kind_check CHECK (kind IN ('sla', 'ola', 'uc')),
    provider_id uuid NOT NULL,
    customer_id uuid,
    service_id uuid,
    starts_at timestamptz NOT NULL,
    ends_at timestamptz,
    posting_id uuid NOT NULL,
    PRIMARY KEY (tenant_id, agreement_id),
    CONSTRAINT agreement_code_key UNIQUE (tenant_id, code),
    CONSTRAINT agreement_provider_fkey FOREIGN KEY (tenant_id, provider_id) REFERENCES party,
    CONSTRAINT agreement_customer_fkey FOREIGN KEY (tenant_id, customer_id) REFERENCES party,
    CONSTRAINT agreement_service_fkey FOREIGN KEY (tenant_id, service_id) REFERENCES service
);
CREATE INDEX agreement_provider ON agreement (tenant_id, provider_id);
CREATE INDEX agreement_customer ON agreement (tenant_id, customer_id);
CREATE INDEX agreement_service ON agreement (tenant_id, service_id);

CREATE TABLE agreement_version (
    tenant_id uuid NOT NULL,
    version_id uuid NOT NULL,
    agreement_id uuid NOT NULL,
    number integer NOT NULL,
    effective_from timestamptz NOT NULL,
    grace interval NOT NULL,
    judge_partial_periods boolean NOT NULL,
    clauses jsonb NOT NULL,
    posting_id uuid NOT NULL,
    activated_at timestamptz,
    activation_posting_id uuid,
    PRIMARY KEY (tenant_id, version_id),
    CONSTRAINT agreement_version_number_key UNIQUE (tenant_id, agreement_id, number),
    CONSTRAINT agreement_version_agreement_fkey FOREIGN KEY (tenant_id, agreement_id) REFERENCES agreement,
    CONSTRAINT agreement_version_activation_check CHECK ((activated_at IS NULL) = (activation_posting_id IS NULL))
);

CREATE TABLE objective (
    tenant_id uuid NOT NULL,
    objective_id uuid NOT NULL,
    version_id uuid NOT NULL,
    ordinal smallint NOT NULL,
    code text COLLATE "C" NOT NULL,
    name text NOT NULL,
    metric_id uuid NOT NULL,
    direction text NOT NULL CONSTRAINT objective_direction_check CHECK (direction IN ('at_least', 'at_most')),
    expected_numerator numeric NOT NULL,
    expected_denominator numeric NOT NULL,
    minimum_numerator numeric,
    minimum_denominator numeric,
    window_kind text NOT NULL CONSTRAINT objective_window_check CHECK (window_kind IN (
        'day', 'week', 'month', 'quarter', 'year', 'contract_year')),
    window_zone text NOT NULL,
    window_anchor_day smallint,
    importance text NOT NULL CONSTRAINT objective_importance_check CHECK (importance IN (
        'critical', 'key_measurement', 'report_only')),
    source text,
    minimum_duration interval NOT NULL,
    granularity text NOT NULL CONSTRAINT objective_granularity_check CHECK (granularity IN ('exact', 'whole_minutes')),
    missing text NOT NULL CONSTRAINT objective_missing_check CHECK (missing IN ('hold', 'excluded', 'bad', 'good')),
    coverage_numerator numeric,
    coverage_denominator numeric,
    override text NOT NULL CONSTRAINT objective_override_check CHECK (override IN ('tighten', 'any')),
    PRIMARY KEY (tenant_id, objective_id),
    CONSTRAINT objective_ordinal_key UNIQUE (tenant_id, version_id, ordinal),
    CONSTRAINT objective_version_fkey FOREIGN KEY (tenant_id, version_id) REFERENCES agreement_version,
    CONSTRAINT objective_metric_fkey FOREIGN KEY (tenant_id, metric_id) REFERENCES metric
);
"""

TABLES = (
    "party",
    "party_line",
    "service",
    "service_consumer",
    "service_structure",
    "service_component",
    "metric",
    "agreement",
    "agreement_version",
    "objective",
)

# The setting is read bare, so that a statement with no tenant bound fails instead of finding nothing.
POLICY = """
ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON {table}
    USING (tenant_id = current_setting('interpact.tenant')::uuid)
    WITH CHECK (tenant_id = current_setting('interpact.tenant')::uuid);
GRANT SELECT, INSERT ON {table} TO interpact_service;
"""

# A version is edited in one way only: it comes into force. The update right on a party's name is what locking its row
# takes (agreements of one provider are compared one after the other); no statement uses it otherwise.
GRANTS = """
GRANT UPDATE (activated_at, activation_posting_id) ON agreement_version TO interpact_service;
GRANT UPDATE (name) ON party TO interpact_service;
"""


def upgrade() -> None:
    for part in (PARTIES, METRICS, SERVICES, AGREEMENTS):
        run(part)
    for table in TABLES:
        run(POLICY.format(table=table))
    run(GRANTS)


def downgrade() -> None:
    run("ALTER TABLE api_key DROP CONSTRAINT api_key_party_fkey")
    run("DROP TABLE " + ", ".join(TABLES))
