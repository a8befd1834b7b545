"""Service hours, rolling windows with episodes, and what a version says of exclusions and of those that recur."""

from __future__ import annotations

from persistence.migrate import run

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

OBJECTIVES = """
ALTER TABLE objective ADD COLUMN hours jsonb;
ALTER TABLE objective ADD COLUMN window_days smallint;
ALTER TABLE objective DROP CONSTRAINT objective_window_check;
ALTER TABLE objective ADD CONSTRAINT objective_window_check CHECK (
    window_kind IN ('day', 'week', 'month', 'quarter', 'year', 'contract_year', 'rolling')
    AND (window_kind = 'rolling') = (window_days IS NOT NULL));
"""

# Versions from before have neither; later ones say so themselves.
VERSIONS = """
ALTER TABLE agreement_version ADD COLUMN exclusion_terms jsonb NOT NULL DEFAULT '[]';
ALTER TABLE agreement_version ADD COLUMN recurring jsonb NOT NULL DEFAULT '[]';
ALTER TABLE agreement_version ALTER COLUMN exclusion_terms DROP DEFAULT;
ALTER TABLE agreement_version ALTER COLUMN recurring DROP DEFAULT;
"""

EPISODES = """
ALTER TABLE breach ADD COLUMN ended_at timestamptz;
ALTER TABLE feed DROP CONSTRAINT feed_transition_check;
ALTER TABLE feed ADD CONSTRAINT feed_transition_check CHECK (transition IN (
    'opened', 'severity_changed', 'confirmed', 'withdrawn', 'ended', 'resumed'));
"""

# Episodes run over many periods, so who judges one of them holds the row of the objective and service. The update right
# on its column is what locking the row takes; no statement uses it otherwise.
GRANTS = """
GRANT UPDATE (ended_at) ON breach TO interpact_service;
GRANT UPDATE (objective_id) ON judged_scope TO interpact_service;
"""

DOWN = """
REVOKE UPDATE (objective_id) ON judged_scope FROM interpact_service;
ALTER TABLE feed DROP CONSTRAINT feed_transition_check;
ALTER TABLE feed ADD CONSTRAINT feed_transition_check CHECK (transition IN (
    'opened', 'severity_changed', 'confirmed', 'withdrawn'));
ALTER TABLE breach DROP COLUMN ended_at;
ALTER TABLE agreement_version DROP COLUMN recurring;
ALTER TABLE agreement_version DROP COLUMN exclusion_terms;
ALTER TABLE objective DROP CONSTRAINT objective_window_check;
ALTER TABLE objective ADD CONSTRAINT objective_window_check CHECK (window_kind IN (
    'day', 'week', 'month', 'quarter', 'year', 'contract_year'));
ALTER TABLE objective DROP COLUMN window_days;
ALTER TABLE objective DROP COLUMN hours;
"""


def upgrade() -> None:
    for part in (OBJECTIVES, VERSIONS, EPISODES, GRANTS):
        run(part)


def downgrade() -> None:
    run(DOWN)
