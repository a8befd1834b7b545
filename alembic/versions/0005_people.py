"""People: who they are to their identity provider, and what they are in which tenant."""

from __future__ import annotations

from persistence.migrate import run

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# The one table that tells whom an id stands for. With its row gone, the id that facts and audits carry names nobody.
PERSON = """
CREATE TABLE person (
    person_id uuid PRIMARY KEY,
    issuer text COLLATE "C" NOT NULL,
    subject text COLLATE "C" NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT person_subject_key UNIQUE (issuer, subject)
);

GRANT SELECT, INSERT ON person TO interpact_directory;
"""

# An invitation is a membership that nobody has taken up yet: one of a known person, or of whoever shows the code.
MEMBERSHIP = """
CREATE TABLE membership (
    tenant_id uuid NOT NULL CONSTRAINT membership_tenant_fkey REFERENCES tenant,
    membership_id uuid NOT NULL,
    person_id uuid CONSTRAINT membership_person_fkey REFERENCES person,
    role text NOT NULL CONSTRAINT membership_role_check CHECK (role IN (
        'admin', 'service_level_manager', 'analyst', 'finance', 'auditor', 'vendor', 'customer', 'ingest')),
    party_id uuid,
    state text NOT NULL CONSTRAINT membership_state_check CHECK (state IN ('invited', 'active', 'suspended')),
    code_hash bytea CONSTRAINT membership_hash_check CHECK (octet_length(code_hash) = 32),
    invited_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    joined_at timestamptz,
    CONSTRAINT membership_pkey PRIMARY KEY (tenant_id, membership_id),
    CONSTRAINT membership_person_key UNIQUE (tenant_id, person_id),
    CONSTRAINT membership_party_fkey FOREIGN KEY (tenant_id, party_id) REFERENCES party (tenant_id, party_id),
    CONSTRAINT membership_way_check CHECK (person_id IS NOT NULL OR code_hash IS NOT NULL),
    CONSTRAINT membership_joined_check CHECK (CASE state
        WHEN 'invited' THEN joined_at IS NULL
        WHEN 'active' THEN joined_at IS NOT NULL AND person_id IS NOT NULL
        ELSE joined_at IS NULL OR person_id IS NOT NULL END)
);
CREATE INDEX membership_person ON membership (person_id, tenant_id);

ALTER TABLE membership ENABLE ROW LEVEL SECURITY;
ALTER TABLE membership FORCE ROW LEVEL SECURITY;
CREATE POLICY directory ON membership FOR SELECT TO interpact_directory USING (true);
CREATE POLICY joining ON membership FOR UPDATE TO interpact_directory
    USING (state = 'invited') WITH CHECK (state = 'active');
CREATE POLICY operator ON membership TO CURRENT_USER USING (true) WITH CHECK (true);

GRANT SELECT, UPDATE (person_id, state, joined_at) ON membership TO interpact_directory;
"""


def upgrade() -> None:
    run(PERSON)
    run(MEMBERSHIP)


def downgrade() -> None:
    run("DROP TABLE membership, person")
