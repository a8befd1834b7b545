"""Tenants, keys and the heads of their feeds: what is looked up before a tenant is known."""

from __future__ import annotations

from persistence.migrate import run

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

DIRECTORY = """
GRANT USAGE ON SCHEMA public TO interpact_service, interpact_directory;

CREATE TABLE tenant (
    tenant_id uuid PRIMARY KEY,
    code text COLLATE "C" NOT NULL CONSTRAINT tenant_code_key UNIQUE,
    name text NOT NULL,
    created_at timestamptz NOT NULL
);

-- A key carries its id and a secret; only the secret's SHA-256 is kept.
CREATE TABLE api_key (
    key_id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL CONSTRAINT api_key_tenant_fkey REFERENCES tenant,
    secret_hash bytea NOT NULL CONSTRAINT api_key_hash_check CHECK (octet_length(secret_hash) = 32),
    role text NOT NULL CONSTRAINT api_key_role_check CHECK (role IN (
        'admin', 'service_level_manager', 'analyst', 'finance', 'auditor', 'vendor', 'customer', 'ingest')),
    party_id uuid,
    label text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    revoked_at timestamptz
);
CREATE INDEX api_key_tenant ON api_key (tenant_id, key_id);

GRANT SELECT ON tenant, api_key TO interpact_directory;
"""

# One row a tenant, updated at the end of every posting: pages half full keep the updates on their page, and there is no
# index on what changes. A read of all heads is one scan of a small table.
FEED_HEAD = """
CREATE TABLE feed_head (
    tenant_id uuid PRIMARY KEY CONSTRAINT feed_head_tenant_fkey REFERENCES tenant,
    last_number bigint NOT NULL DEFAULT 0,
    last_recorded_at timestamptz,
    judged_number bigint NOT NULL DEFAULT 0,
    due_at timestamptz,
    CONSTRAINT feed_head_judged_check CHECK (judged_number BETWEEN 0 AND last_number)
) WITH (fillfactor = 50);

ALTER TABLE feed_head ENABLE ROW LEVEL SECURITY;
ALTER TABLE feed_head FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON feed_head TO interpact_service
    USING (tenant_id = current_setting('interpact.tenant')::uuid)
    WITH CHECK (tenant_id = current_setting('interpact.tenant')::uuid);
CREATE POLICY directory ON feed_head FOR SELECT TO interpact_directory USING (true);
CREATE POLICY operator ON feed_head TO CURRENT_USER USING (true) WITH CHECK (true);

GRANT SELECT ON feed_head TO interpact_directory;
GRANT SELECT, UPDATE (last_number, last_recorded_at, judged_number, due_at) ON feed_head TO interpact_service;
"""


def upgrade() -> None:
    run(DIRECTORY)
    run(FEED_HEAD)


def downgrade() -> None:
    run("DROP TABLE feed_head, api_key, tenant")
