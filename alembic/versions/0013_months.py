"""Measurements lie in a table for each UTC month, made as it is needed."""

from __future__ import annotations

from persistence.migrate import run, run_one

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

# The months stand in a schema to which the service has no way: it reads and writes by the whole table alone, which the
# policy holds. Row-level security is forced on each month as well, without a policy: who came to one would see nothing.
SCHEMA = "CREATE SCHEMA months"

# The service owns no table and so can make none. It may call this, which makes months of the two tables, no more.
# A month is made beside its table and then attached to it, so that nobody who writes at the time has to wait. Who
# waited for the lock reads the catalog itself: the cache of names still says what it said before.
KEEP_MONTHS = """
CREATE FUNCTION keep_months(kept text, wanted date[]) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog AS $$
DECLARE
    month date;
    name text;
BEGIN
    IF kept NOT IN ('tally', 'sample') THEN
        RAISE EXCEPTION 'there are no months of %', kept;
    END IF;
    FOR month IN SELECT DISTINCT date_trunc('month', each)::date FROM unnest(wanted) AS each ORDER BY 1 LOOP
        IF month < date '1990-01-01' OR month >= date '2200-01-01' THEN
            RAISE EXCEPTION 'the month % is out of range', month;
        END IF;
        name := kept || to_char(month, '_YYYY_MM');
        CONTINUE WHEN to_regclass('months.' || name) IS NOT NULL;
        PERFORM pg_advisory_xact_lock(471120);
        CONTINUE WHEN EXISTS (
            SELECT FROM pg_class WHERE relnamespace = 'months'::regnamespace AND relname = name);
        EXECUTE format('CREATE TABLE months.%I (LIKE public.%I INCLUDING CONSTRAINTS)', name, kept);
        EXECUTE format('ALTER TABLE months.%I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE months.%I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE public.%I ATTACH PARTITION months.%I FOR VALUES FROM (%L) TO (%L)', kept, name,
            month::timestamp AT TIME ZONE 'UTC', (month + interval '1 month') AT TIME ZONE 'UTC');
    END LOOP;
END
$$
"""

RIGHTS = """
REVOKE ALL ON FUNCTION keep_months FROM PUBLIC;
GRANT EXECUTE ON FUNCTION keep_months TO interpact_service;
"""

TABLES = {
    "tally": """
CREATE TABLE tally (
    tenant_id uuid NOT NULL,
    stream_id uuid NOT NULL,
    starts_at timestamptz NOT NULL,
    revision integer NOT NULL,
    ends_at timestamptz NOT NULL,
    good bigint,
    total bigint,
    posting_id uuid NOT NULL,
    CONSTRAINT {key} PRIMARY KEY (tenant_id, stream_id, starts_at, revision)
) {partitioned}
""",
    "sample": """
CREATE TABLE sample (
    tenant_id uuid NOT NULL,
    stream_id uuid NOT NULL,
    at timestamptz NOT NULL,
    revision integer NOT NULL,
    value bigint,
    posting_id uuid NOT NULL,
    original text,
    CONSTRAINT {key} PRIMARY KEY (tenant_id, stream_id, at, revision)
) {partitioned}
""",
}
KEEP_ALL = """
SELECT keep_months('{table}', ARRAY(
    SELECT DISTINCT date_trunc('month', {instant} AT TIME ZONE 'UTC')::date FROM former
))
"""
TAKE_BACK = """
INSERT INTO {table} SELECT * FROM former;
DROP TABLE former
"""
INSTANTS = {"tally": "starts_at", "sample": "at"}

POLICY = """
ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON {table}
    USING (tenant_id = current_setting('interpact.tenant')::uuid)
    WITH CHECK (tenant_id = current_setting('interpact.tenant')::uuid);
GRANT SELECT, INSERT ON {table} TO interpact_service;
"""


def upgrade() -> None:
    run(SCHEMA)
    run_one(KEEP_MONTHS)
    run(RIGHTS)
    for table, instant in INSTANTS.items():
        _put_aside(table)
        run(TABLES[table].format(key=f"{table}_pkey", partitioned=f"PARTITION BY RANGE ({instant})"))
        run(KEEP_ALL.format(table=table, instant=instant))
        _take_back(table)


def downgrade() -> None:
    for table in INSTANTS:
        _put_aside(table)
        run(TABLES[table].format(key=f"{table}_pkey", partitioned=""))
        _take_back(table)
    run("DROP FUNCTION keep_months;\nDROP SCHEMA months")


def _put_aside(table: str) -> None:
    """The owner is held by the policies too, and reads all tenants here."""
    run(f"ALTER TABLE {table} RENAME TO former;\nALTER TABLE former RENAME CONSTRAINT {table}_pkey TO former_pkey")
    run("ALTER TABLE former NO FORCE ROW LEVEL SECURITY")


def _take_back(table: str) -> None:
    run(TAKE_BACK.format(table=table))
    run(POLICY.format(table=table))
