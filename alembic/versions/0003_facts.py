"""Streams and what was measured on them, exclusions, and the marks of what a posting made dirty."""

from __future__ import annotations

from persistence.migrate import run

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

STREAMS = """
CREATE TABLE stream (
    tenant_id uuid NOT NULL,
    stream_id uuid NOT NULL,
    metric_id uuid NOT NULL,
    service_id uuid NOT NULL,
    source text COLLATE "C" NOT NULL,
    customer_id uuid,
    vendor_id uuid NOT NULL,
    PRIMARY KEY (tenant_id, stream_id),
    CONSTRAINT stream_key UNIQUE NULLS NOT DISTINCT (tenant_id, metric_id, service_id, source, customer_id),
    CONSTRAINT stream_metric_fkey FOREIGN KEY (tenant_id, metric_id) REFERENCES metric,
    CONSTRAINT stream_service_fkey FOREIGN KEY (tenant_id, service_id) REFERENCES service,
    CONSTRAINT stream_customer_fkey FOREIGN KEY (tenant_id, customer_id) REFERENCES party,
    CONSTRAINT stream_vendor_fkey FOREIGN KEY (tenant_id, vendor_id) REFERENCES party
);
CREATE INDEX stream_service ON stream (tenant_id, service_id);
CREATE INDEX stream_vendor ON stream (tenant_id, vendor_id);

CREATE TABLE stream_report (
    tenant_id uuid NOT NULL,
    stream_id uuid NOT NULL,
    reported_through timestamptz NOT NULL,
    posting_id uuid NOT NULL,
    PRIMARY KEY (tenant_id, stream_id, reported_through),
    CONSTRAINT stream_report_stream_fkey FOREIGN KEY (tenant_id, stream_id) REFERENCES stream
);
"""

# A withdrawal is a revision without content. An outage of a past month is found by the segments of the months that it
# touches, one that lasts by open_outage: what is read depends on the span asked for, not on the history before it.
OUTAGES = """
CREATE TABLE outage (
    tenant_id uuid NOT NULL,
    stream_id uuid NOT NULL,
    external_id text COLLATE "C" NOT NULL,
    revision integer NOT NULL,
    outage_id uuid NOT NULL,
    posting_id uuid NOT NULL,
    impact text,
    starts_at timestamptz,
    ends_at timestamptz,
    PRIMARY KEY (tenant_id, stream_id, external_id, revision),
    CONSTRAINT outage_stream_fkey FOREIGN KEY (tenant_id, stream_id) REFERENCES stream,
    CONSTRAINT outage_revision_check CHECK (revision > 0),
    CONSTRAINT outage_content_check CHECK ((impact IS NULL) = (starts_at IS NULL)),
    CONSTRAINT outage_span_check CHECK (ends_at > starts_at)
);
CREATE INDEX outage_identity ON outage (tenant_id, outage_id, revision);
CREATE INDEX outage_start ON outage (tenant_id, starts_at, outage_id) WHERE starts_at IS NOT NULL;

CREATE TABLE outage_segment (
    tenant_id uuid NOT NULL,
    stream_id uuid NOT NULL,
    month date NOT NULL,
    external_id text COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant_id, stream_id, month, external_id)
);

CREATE TABLE open_outage (
    tenant_id uuid NOT NULL,
    stream_id uuid NOT NULL,
    external_id text COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant_id, stream_id, external_id)
);
"""

# The two hot tables have no foreign key: a point's stream was obtained in the transaction that adds it, streams are
# never deleted, and checking each row slows ingest down. Their key has what a partition by time would need.
MEASUREMENTS = """
CREATE TABLE tally (
    tenant_id uuid NOT NULL,
    stream_id uuid NOT NULL,
    starts_at timestamptz NOT NULL,
    revision integer NOT NULL,
    ends_at timestamptz NOT NULL,
    good bigint,
    total bigint,
    posting_id uuid NOT NULL,
    PRIMARY KEY (tenant_id, stream_id, starts_at, revision)
);

CREATE TABLE sample (
    tenant_id uuid NOT NULL,
    stream_id uuid NOT NULL,
    at timestamptz NOT NULL,
    revision integer NOT NULL,
    value bigint,
    posting_id uuid NOT NULL,
    original text,
    PRIMARY KEY (tenant_id, stream_id, at, revision)
);
"""

EXCLUSIONS = """
CREATE TABLE exclusion (
    tenant_id uuid NOT NULL,
    exclusion_id uuid NOT NULL,
    revision integer NOT NULL,
    kind text NOT NULL CONSTRAINT exclusion_kind_check CHECK (kind IN (
        'maintenance', 'force_majeure', 'customer_caused', 'suspension', 'agreed')),
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    service_id uuid,
    agreement_id uuid,
    announced_at timestamptz,
    approved_by text NOT NULL,
    reason text NOT NULL,
    withdrawn boolean NOT NULL,
    posting_id uuid NOT NULL,
    PRIMARY KEY (tenant_id, exclusion_id, revision),
    CONSTRAINT exclusion_service_fkey FOREIGN KEY (tenant_id, service_id) REFERENCES service,
    CONSTRAINT exclusion_agreement_fkey FOREIGN KEY (tenant_id, agreement_id) REFERENCES agreement,
    CONSTRAINT exclusion_scope_check CHECK (num_nonnulls(service_id, agreement_id) > 0),
    CONSTRAINT exclusion_revision_check CHECK (revision > 0),
    CONSTRAINT exclusion_span_check CHECK (ends_at > starts_at)
);
CREATE INDEX exclusion_start ON exclusion (tenant_id, starts_at, exclusion_id);

-- scope_id: the service or the agreement that the exclusion names, a row for each.
CREATE TABLE exclusion_segment (
    tenant_id uuid NOT NULL,
    scope_id uuid NOT NULL,
    month date NOT NULL,
    exclusion_id uuid NOT NULL,
    PRIMARY KEY (tenant_id, scope_id, month, exclusion_id)
);
"""

# Appended, never upserted; a worker deletes exactly the rows that it read.
MARKS = """
CREATE TABLE mark (
    tenant_id uuid NOT NULL,
    posting_id uuid NOT NULL,
    ordinal bigint NOT NULL,
    stream_id uuid,
    service_id uuid,
    objective_id uuid,
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, posting_id, ordinal),
    CONSTRAINT mark_stream_fkey FOREIGN KEY (tenant_id, stream_id) REFERENCES stream,
    CONSTRAINT mark_service_fkey FOREIGN KEY (tenant_id, service_id) REFERENCES service,
    CONSTRAINT mark_objective_fkey FOREIGN KEY (tenant_id, objective_id) REFERENCES objective,
    CONSTRAINT mark_target_check CHECK (num_nonnulls(stream_id, service_id, objective_id) = 1),
    CONSTRAINT mark_span_check CHECK (ends_at > starts_at)
);
"""

TABLES = (
    "stream",
    "stream_report",
    "outage",
    "outage_segment",
    "open_outage",
    "tally",
    "sample",
    "exclusion",
    "exclusion_segment",
    "mark",
)

POLICY = """
ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON {table}
    USING (tenant_id = current_setting('interpact.tenant')::uuid)
    WITH CHECK (tenant_id = current_setting('interpact.tenant')::uuid);
GRANT SELECT, INSERT ON {table} TO interpact_service;
"""

# Marks are locked before they are deleted, and a lock takes the right to update some column; no statement updates it.
GRANTS = """
GRANT DELETE ON open_outage, mark TO interpact_service;
GRANT UPDATE (ordinal) ON mark TO interpact_service;
"""


def upgrade() -> None:
    for part in (STREAMS, OUTAGES, MEASUREMENTS, EXCLUSIONS, MARKS):
        run(part)
    for table in TABLES:
        run(POLICY.format(table=table))
    run(GRANTS)


def downgrade() -> None:
    run("DROP TABLE " + ", ".join(TABLES))
