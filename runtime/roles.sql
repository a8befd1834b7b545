-- The roles of Interpact, and who may enter its database. Run it as a superuser (or, on a managed server, as the role that
-- may make roles) on PostgreSQL 15 or newer, connected to the database postgres; running it again changes nothing.
--
--   interpact_owner      owns the database and its tables; migrations and the commands for tenants and keys use it
--   interpact_service    what the service and the worker log in as; owns nothing and is held by row-level security
--   interpact_directory  reads the few tables that are needed before a tenant is known; the service takes it on for those
--
-- Passwords are set apart from this file: ALTER ROLE interpact_service PASSWORD '...'.
-- Where the database exists under the name interpact, its owner and its access are set too; for another name:
--   ALTER DATABASE name OWNER TO interpact_owner;

DO $roles$
DECLARE
    role_name text;
BEGIN
    FOREACH role_name IN ARRAY ARRAY['interpact_owner', 'interpact_directory', 'interpact_service'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', role_name);
        END IF;
        -- Named only where it is needed: the mere mention of these takes a superuser.
        IF EXISTS (SELECT FROM pg_roles WHERE rolname = role_name AND (rolsuper OR rolbypassrls OR rolreplication)) THEN
            EXECUTE format('ALTER ROLE %I NOSUPERUSER NOBYPASSRLS NOREPLICATION', role_name);
        END IF;
    END LOOP;

    ALTER ROLE interpact_owner LOGIN INHERIT NOCREATEROLE NOCREATEDB;
    ALTER ROLE interpact_directory NOLOGIN NOINHERIT NOCREATEROLE NOCREATEDB;
    ALTER ROLE interpact_service LOGIN NOINHERIT NOCREATEROLE NOCREATEDB;
END
$roles$;

-- The service must say SET ROLE to read a directory table; since PostgreSQL 16 the grant itself says so too.
DO $membership$
BEGIN
    IF current_setting('server_version_num')::int >= 160000 THEN
        EXECUTE 'GRANT interpact_directory TO interpact_service WITH INHERIT FALSE, SET TRUE';
    ELSIF NOT pg_has_role('interpact_service', 'interpact_directory', 'MEMBER') THEN
        GRANT interpact_directory TO interpact_service;
    END IF;
END
$membership$;

DO $database$
DECLARE
    -- A role that may make roles but is no superuser (a managed server's) must itself be the owner for a moment.
    borrows constant boolean := NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AND NOT EXISTS (
        SELECT FROM pg_auth_members
        WHERE roleid = 'interpact_owner'::regrole
          AND member = current_user::regrole
          AND grantor = current_user::regrole
    );
BEGIN
    IF EXISTS (SELECT FROM pg_database WHERE datname = 'interpact') THEN
        IF borrows THEN
            GRANT interpact_owner TO CURRENT_USER;
        END IF;
        ALTER DATABASE interpact OWNER TO interpact_owner;
        REVOKE ALL ON DATABASE interpact FROM PUBLIC;
        GRANT CONNECT ON DATABASE interpact TO interpact_service;
        IF borrows THEN
            REVOKE interpact_owner FROM CURRENT_USER;
        END IF;
    END IF;
END
$database$;
