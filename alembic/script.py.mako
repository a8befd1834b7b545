"""${message}"""

from __future__ import annotations

from persistence.migrate import run

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    run("")


def downgrade() -> None:
    run("")
