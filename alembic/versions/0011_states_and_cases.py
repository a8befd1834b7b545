"""States as probes report them, cases as tickets tell them, and the promise about cases."""

from __future__ import annotations

from persistence.migrate import run

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

# As samples: no foreign key, since a state's stream was obtained in the transaction that adds it, and streams are never
# deleted. A withdrawal is a revision without a state. A period reads the instants that it holds, and one look at the
# index on either side of them: no other table says where to look.
STATES = """
CREATE TABLE state_change (
    tenant_id uuid NOT NULL,
    stream_id uuid NOT NULL,
    at timestamptz NOT NULL,
    revision integer NOT NULL,
    state text COLLATE "C",
    posting_id uuid NOT NULL,
    PRIMARY KEY (tenant_id, stream_id, at, revision)
);
"""

# As outages: a case that is resolved is found by the months that it touches, one that is not by open_case.
# pauses: a list of pairs of instants, the second one null while the pause lasts.
CASES = """
CREATE TABLE service_case (
    tenant_id uuid NOT NULL,
    stream_id uuid NOT NULL,
    external_id text COLLATE "C" NOT NULL,
    revision integer NOT NULL,
    case_id uuid NOT NULL,
    posting_id uuid NOT NULL,
    opened_at timestamptz,
    responded_at timestamptz,
    resolved_at timestamptz,
    pauses jsonb,
    PRIMARY KEY (tenant_id, stream_id, external_id, revision),
    CONSTRAINT service_case_stream_fkey FOREIGN KEY (tenant_id, stream_id) REFERENCES stream,
    CONSTRAINT service_case_revision_check CHECK (revision > 0),
    CONSTRAINT service_case_content_check CHECK (
        (opened_at IS NULL) = (pauses IS NULL)
        AND (opened_at IS NOT NULL OR coalesce(responded_at, resolved_at) IS NULL)),
    CONSTRAINT service_case_order_check CHECK (responded_at >= opened_at AND resolved_at >= opened_at)
);
CREATE INDEX service_case_identity ON service_case (tenant_id, case_id, revision);
CREATE INDEX service_case_opened ON service_case (tenant_id, opened_at, case_id) WHERE opened_at IS NOT NULL;

CREATE TABLE service_case_segment (
    tenant_id uuid NOT NULL,
    stream_id uuid NOT NULL,
    month date NOT NULL,
    external_id text COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant_id, stream_id, month, external_id)
);

CREATE TABLE open_case (
    tenant_id uuid NOT NULL,
    stream_id uuid NOT NULL,
    external_id text COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant_id, stream_id, external_id)
);
"""

TERMS = """
ALTER TABLE metric DROP CONSTRAINT metric_aggregation_check, DROP CONSTRAINT metric_shape_check;
ALTER TABLE metric
    ADD CONSTRAINT metric_aggregation_check CHECK (aggregation IN (
        'availability', 'ratio_of_sums', 'mean_of_slices', 'good_slices',
        'mean', 'minimum', 'maximum', 'sum', 'count', 'percentile', 'cases_within')),
    ADD CONSTRAINT metric_shape_check CHECK (shape IN ('sample', 'tally', 'outage', 'state', 'case'));
ALTER TABLE objective
    ADD COLUMN case_milestone text
        CONSTRAINT objective_case_milestone_check CHECK (case_milestone IN ('response', 'resolution')),
    ADD COLUMN case_limit interval,
    ADD CONSTRAINT objective_case_check CHECK ((case_milestone IS NULL) = (case_limit IS NULL));
"""

BACK = """
ALTER TABLE objective DROP COLUMN case_milestone, DROP COLUMN case_limit;
ALTER TABLE metric DROP CONSTRAINT metric_aggregation_check, DROP CONSTRAINT metric_shape_check;
ALTER TABLE metric
    ADD CONSTRAINT metric_aggregation_check CHECK (aggregation IN (
        'availability', 'ratio_of_sums', 'mean_of_slices', 'good_slices',
        'mean', 'minimum', 'maximum', 'sum', 'count', 'percentile')),
    ADD CONSTRAINT metric_shape_check CHECK (shape IN ('sample', 'tally', 'outage'));
"""

TABLES = ("state_change", "service_case", "service_case_segment", "open_case")

POLICY = """
ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON {table}
    USING (tenant_id = current_setting('interpact.tenant')::uuid)
    WITH CHECK (tenant_id = current_setting('interpact.tenant')::uuid);
GRANT SELECT, INSERT ON {table} TO interpact_service;
"""


def upgrade() -> None:
    for part in (STATES, CASES, TERMS):
        run(part)
    for table in TABLES:
        run(POLICY.format(table=table))
    run("GRANT DELETE ON open_case TO interpact_service")


def downgrade() -> None:
    run(BACK)
    run("DROP TABLE " + ", ".join(TABLES))
