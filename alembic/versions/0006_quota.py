"""What each tenant may still spend: one bucket, of which every process takes its share."""

from __future__ import annotations

from persistence.migrate import run

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# Unlogged: after a crash of the server every bucket is full again, and taking from one waits for no disk. One row a
# tenant, updated about once a second by each process that serves it: pages half full keep the updates on their page.
QUOTA = """
CREATE UNLOGGED TABLE quota (
    tenant_id uuid PRIMARY KEY,
    units bigint NOT NULL CONSTRAINT quota_units_check CHECK (units >= 0),
    filled_at timestamptz NOT NULL
) WITH (fillfactor = 50);

ALTER TABLE quota ENABLE ROW LEVEL SECURITY;
ALTER TABLE quota FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON quota
    USING (tenant_id = current_setting('interpact.tenant')::uuid)
    WITH CHECK (tenant_id = current_setting('interpact.tenant')::uuid);
GRANT SELECT, INSERT, UPDATE (units, filled_at) ON quota TO interpact_service;
"""


def upgrade() -> None:
    run(QUOTA)


def downgrade() -> None:
    run("DROP TABLE quota")
