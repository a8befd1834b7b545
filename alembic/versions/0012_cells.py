"""Roll-ups of measurements: a row for each stream and UTC hour, with a column for each of its four cells."""

from __future__ import annotations

from persistence.migrate import run

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def _columns(quarters: range, *definitions: str) -> str:
    return ",\n    ".join(definition.format(quarter) for quarter in quarters for definition in definitions)


# Half-full pages keep updates of the running hour on their page; no index has what changes.
CELLS = f"""
CREATE TABLE tally_cell (
    tenant_id uuid NOT NULL,
    stream_id uuid NOT NULL,
    starts_at timestamptz NOT NULL,
    {_columns(range(4), "points_{} integer NOT NULL", "good_{} numeric NOT NULL", "total_{} numeric NOT NULL")},
    PRIMARY KEY (tenant_id, stream_id, starts_at)
) WITH (fillfactor = 80);

CREATE TABLE sample_cell (
    tenant_id uuid NOT NULL,
    stream_id uuid NOT NULL,
    starts_at timestamptz NOT NULL,
    stale smallint NOT NULL,
    {_columns(range(4), "points_{} integer NOT NULL", "sum_{} numeric NOT NULL")},
    {_columns(range(4), "minimum_{} bigint", "maximum_{} bigint")},
    PRIMARY KEY (tenant_id, stream_id, starts_at)
) WITH (fillfactor = 80);
"""

POLICY = """
ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON {table}
    USING (tenant_id = current_setting('interpact.tenant')::uuid)
    WITH CHECK (tenant_id = current_setting('interpact.tenant')::uuid);
GRANT SELECT, INSERT, UPDATE ({columns}) ON {table} TO interpact_service;
"""

CHANGING = {
    "tally_cell": ("points", "good", "total"),
    "sample_cell": ("points", "sum", "minimum", "maximum"),
}


# What was recorded before: the latest revision of each point that was not withdrawn.
FILL = """
INSERT INTO tally_cell
SELECT tenant_id, stream_id, hour, {tally_columns}
FROM (
    SELECT DISTINCT ON (tenant_id, stream_id, starts_at) tenant_id, stream_id, good, total,
        date_trunc('hour', starts_at, 'UTC') AS hour,
        extract(minute FROM starts_at AT TIME ZONE 'UTC')::int / 15 AS quarter
    FROM tally ORDER BY tenant_id, stream_id, starts_at, revision DESC
) AS latest
WHERE total IS NOT NULL GROUP BY tenant_id, stream_id, hour;

INSERT INTO sample_cell
SELECT tenant_id, stream_id, hour, 0, {sample_columns}, {extremes}
FROM (
    SELECT DISTINCT ON (tenant_id, stream_id, at) tenant_id, stream_id, value,
        date_trunc('hour', at, 'UTC') AS hour, extract(minute FROM at AT TIME ZONE 'UTC')::int / 15 AS quarter
    FROM sample ORDER BY tenant_id, stream_id, at, revision DESC
) AS latest
WHERE value IS NOT NULL GROUP BY tenant_id, stream_id, hour;
"""


def _filtered(*aggregates: str) -> str:
    return ", ".join(aggregate.format(f"FILTER (WHERE quarter = {q})") for q in range(4) for aggregate in aggregates)


def upgrade() -> None:
    run(CELLS)
    # The owner is held by the policies too, and reads all tenants here.
    run("ALTER TABLE tally NO FORCE ROW LEVEL SECURITY;\nALTER TABLE sample NO FORCE ROW LEVEL SECURITY")
    run(
        FILL.format(
            tally_columns=_filtered("count(*) {}", "coalesce(sum(good) {}, 0)", "coalesce(sum(total) {}, 0)"),
            sample_columns=_filtered("count(*) {}", "coalesce(sum(value) {}, 0)"),
            extremes=_filtered("min(value) {}", "max(value) {}"),
        )
    )
    run("ALTER TABLE tally FORCE ROW LEVEL SECURITY;\nALTER TABLE sample FORCE ROW LEVEL SECURITY")
    for table, names in CHANGING.items():
        changing = [f"{name}_{quarter}" for name in names for quarter in range(4)]
        if table == "sample_cell":
            changing.append("stale")
        run(POLICY.format(table=table, columns=", ".join(changing)))


def downgrade() -> None:
    run("DROP TABLE tally_cell, sample_cell")
