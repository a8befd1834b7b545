"""The audit log: who did what, when, from where, to which id."""

from __future__ import annotations

from persistence.migrate import run

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

# No foreign keys: an entry and its subjects are written by one statement and deleted by nobody, and ids of what was
# acted on stay when the thing, or the person, is gone. What is not written is not checked on the way in either.
AUDIT = """
CREATE TABLE audit_entry (
    tenant_id uuid NOT NULL,
    entry_id uuid NOT NULL,
    at timestamptz NOT NULL,
    caller_kind text NOT NULL CONSTRAINT audit_entry_caller_check CHECK (caller_kind IN ('key', 'person', 'operator')),
    caller_id uuid,
    role text,
    party_id uuid,
    action text NOT NULL,
    operation text NOT NULL,
    subject_count integer NOT NULL CONSTRAINT audit_entry_count_check CHECK (subject_count >= 0),
    door text CONSTRAINT audit_entry_door_check CHECK (door IN ('http', 'websocket', 'event_stream', 'command_line')),
    address text,
    request_id text,
    posting_id uuid,
    PRIMARY KEY (tenant_id, entry_id),
    CONSTRAINT audit_entry_known_check CHECK ((caller_kind = 'operator') = (caller_id IS NULL))
);
CREATE INDEX audit_entry_at ON audit_entry (tenant_id, at, entry_id);
CREATE INDEX audit_entry_caller ON audit_entry (tenant_id, caller_id, at, entry_id);
CREATE INDEX audit_entry_party ON audit_entry (tenant_id, party_id, at, entry_id) WHERE party_id IS NOT NULL;

CREATE TABLE audit_subject (
    tenant_id uuid NOT NULL,
    entry_id uuid NOT NULL,
    ordinal smallint NOT NULL,
    subject_type text NOT NULL,
    subject_id uuid NOT NULL,
    PRIMARY KEY (tenant_id, entry_id, ordinal)
);
CREATE INDEX audit_subject_id ON audit_subject (tenant_id, subject_id, entry_id);
"""

TABLES = ("audit_entry", "audit_subject")

# The service adds and reads. No right to change or delete is given to anyone: only the owner of the tables, at the
# command line, can erase addresses.
POLICY = """
ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON {table}
    USING (tenant_id = current_setting('interpact.tenant')::uuid)
    WITH CHECK (tenant_id = current_setting('interpact.tenant')::uuid);
GRANT SELECT, INSERT ON {table} TO interpact_service;
"""


def upgrade() -> None:
    run(AUDIT)
    for table in TABLES:
        run(POLICY.format(table=table))


def downgrade() -> None:
    run("DROP TABLE audit_subject, audit_entry")
