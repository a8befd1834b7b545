"""Breaches are at risk before they open: what warned, and the transitions that the feed tells."""

from __future__ import annotations

from persistence.migrate import run

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

CHECKS = """
ALTER TABLE breach DROP CONSTRAINT breach_state_check,
    ADD CONSTRAINT breach_state_check CHECK (state IN ({states})) NOT VALID;
ALTER TABLE breach VALIDATE CONSTRAINT breach_state_check;
ALTER TABLE feed DROP CONSTRAINT feed_transition_check,
    ADD CONSTRAINT feed_transition_check CHECK (transition IN ({transitions})) NOT VALID;
ALTER TABLE feed VALIDATE CONSTRAINT feed_transition_check
"""
STATES = "'open', 'confirmed', 'withdrawn'"
TRANSITIONS = "'opened', 'severity_changed', 'confirmed', 'withdrawn', 'ended', 'resumed'"
RISKS = "'at_risk', 'risk_passed'"

WITHOUT_RISKS = """
DELETE FROM breach WHERE state IN ('at_risk', 'risk_passed');
DELETE FROM feed WHERE transition IN ('at_risk', 'risk_passed')
"""
HELD_BY_POLICY = ("breach", "feed")


def upgrade() -> None:
    run("ALTER TABLE breach ADD COLUMN risk jsonb")
    run("GRANT UPDATE (opened_at, risk) ON breach TO interpact_service")
    run(CHECKS.format(states=f"{STATES}, {RISKS}", transitions=f"{TRANSITIONS}, {RISKS}"))


def downgrade() -> None:
    """The owner is held by the policies too, and deletes of all tenants here."""
    run(";\n".join(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY" for table in HELD_BY_POLICY))
    run(WITHOUT_RISKS)
    run(";\n".join(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY" for table in HELD_BY_POLICY))
    run(CHECKS.format(states=STATES, transitions=TRANSITIONS))
    run("REVOKE UPDATE (opened_at) ON breach FROM interpact_service")
    run("ALTER TABLE breach DROP COLUMN risk")
