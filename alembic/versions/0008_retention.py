"""How far a tenant's events have been let go: a cursor from before is an error, and never a silent gap."""

from __future__ import annotations

from persistence.migrate import run

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

# All events up to this number are gone, or about to be. Postings stay, as facts point to them. Only the owner of the
# tables sets it: the service may read it, by the rights that it has on the whole row.
FLOOR = """
ALTER TABLE feed_head ADD COLUMN floor_number bigint NOT NULL DEFAULT 0;
ALTER TABLE feed_head ADD CONSTRAINT feed_head_floor_check CHECK (floor_number BETWEEN 0 AND last_number);
"""


def upgrade() -> None:
    run(FLOOR)


def downgrade() -> None:
    run("ALTER TABLE feed_head DROP COLUMN floor_number")
