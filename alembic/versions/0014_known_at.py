"""What was known at a place of the feed: since when streams are known, and which months outages once open reached."""

from __future__ import annotations

from persistence.migrate import run

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

# Null: the stream is from before this was kept, and known from the first.
STREAMS = "ALTER TABLE stream ADD COLUMN posting_id uuid"

# An outage that was open, and was ended or withdrawn since, is found in the months in which it was known as open.
HELD = """
INSERT INTO {table}_segment (tenant_id, stream_id, month, external_id)
SELECT DISTINCT former.tenant_id, former.stream_id, month::date, former.external_id
FROM {table} former
JOIN {table} later ON later.tenant_id = former.tenant_id AND later.stream_id = former.stream_id
    AND later.external_id = former.external_id AND later.revision = former.revision + 1
JOIN feed ON feed.tenant_id = later.tenant_id AND feed.posting_id = later.posting_id
CROSS JOIN LATERAL generate_series(
    date_trunc('month', (former.{start} - interval '1 microsecond') AT TIME ZONE 'UTC'),
    feed.recorded_at AT TIME ZONE 'UTC', interval '1 month') AS month
WHERE former.{start} IS NOT NULL AND former.{end} IS NULL
ON CONFLICT DO NOTHING
"""
ONCE_OPEN = (("outage", "starts_at", "ends_at"), ("service_case", "opened_at", "resolved_at"))

RESTATED = """
ALTER TABLE feed DROP CONSTRAINT feed_kind_check, DROP CONSTRAINT feed_event_check,
    ADD CONSTRAINT feed_kind_check CHECK (kind IN ('facts', 'terms', 'catalog', 'breach', 'restated')) NOT VALID,
    ADD CONSTRAINT feed_event_check CHECK (
        num_nonnulls(body, posting_id) = 1
        AND (kind = 'breach' OR kind = 'restated') = (body IS NOT NULL)) NOT VALID;
ALTER TABLE feed VALIDATE CONSTRAINT feed_kind_check;
ALTER TABLE feed VALIDATE CONSTRAINT feed_event_check;
DROP INDEX feed_breach;
CREATE INDEX feed_event ON feed (tenant_id, number) WHERE body IS NOT NULL
"""

UNRESTATED = """
DELETE FROM feed WHERE kind = 'restated';
ALTER TABLE feed DROP CONSTRAINT feed_kind_check, DROP CONSTRAINT feed_event_check,
    ADD CONSTRAINT feed_kind_check CHECK (kind IN ('facts', 'terms', 'catalog', 'breach')),
    ADD CONSTRAINT feed_event_check CHECK (
        num_nonnulls(body, posting_id) = 1 AND (kind = 'breach') = (body IS NOT NULL));
DROP INDEX feed_event;
CREATE INDEX feed_breach ON feed (tenant_id, number) WHERE kind = 'breach'
"""
HELD_BY_POLICY = ("feed", "outage", "outage_segment", "service_case", "service_case_segment")


def upgrade() -> None:
    run(STREAMS)
    _for_all_tenants(*(HELD.format(table=table, start=start, end=end) for table, start, end in ONCE_OPEN), RESTATED)


def downgrade() -> None:
    _for_all_tenants(UNRESTATED)
    run("ALTER TABLE stream DROP COLUMN posting_id")


def _for_all_tenants(*statements: str) -> None:
    """The owner is held by the policies too, and reads and writes all tenants here."""
    run(";\n".join(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY" for table in HELD_BY_POLICY))
    for statement in statements:
        run(statement)
    run(";\n".join(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY" for table in HELD_BY_POLICY))
