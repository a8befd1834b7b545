"""What is shipped beside the code: the container files, and locks that install anywhere."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

HERE = Path(__file__).parent
PROJECT = HERE.parents[1]
SCHEMA = HERE / "compose-spec.json"
COMPOSE = (PROJECT / "docker-compose.yml").read_text(encoding="utf-8")
DOCKERFILE = (PROJECT / "Dockerfile").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(COMPOSE)
    return loaded


def complaints(compose: dict[str, Any]) -> list[str]:
    validator = Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(compose)]


def test_the_schema_is_the_one_whose_source_is_noted() -> None:
    digest = hashlib.sha256(SCHEMA.read_bytes()).hexdigest()
    assert digest in (HERE / "compose-spec.md").read_text(encoding="utf-8")


def test_the_compose_file_follows_the_compose_specification(compose: dict[str, Any]) -> None:
    assert complaints(compose) == []


def test_the_schema_would_notice_a_wrong_compose_file(compose: dict[str, Any]) -> None:
    wrong = compose | {"services": {"service": {"image": "interpact", "healthchek": {}}}}
    assert len(complaints(wrong)) == 1


def test_service_worker_and_database_have_health_checks_and_wait_for_the_migration(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert sorted(services) == ["migrate", "postgres", "service", "worker"]
    assert [name for name in sorted(services) if "healthcheck" in services[name]] == ["postgres", "service", "worker"]
    assert services["postgres"]["image"] == "postgres:18"
    assert services["migrate"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    for name in ("service", "worker"):
        assert services[name]["depends_on"] == {
            "postgres": {"condition": "service_healthy"},
            "migrate": {"condition": "service_completed_successfully"},
        }


def test_no_secret_is_written_and_each_must_be_given() -> None:
    used = set(re.findall(r"(?<!\$)\$\{(\w+)(:\?|:-)", COMPOSE))
    assert used == {
        ("POSTGRES_PASSWORD", ":?"),
        ("INTERPACT_OWNER_PASSWORD", ":?"),
        ("INTERPACT_SERVICE_PASSWORD", ":?"),
        ("INTERPACT_SECRET", ":?"),
        ("INTERPACT_PORT", ":-"),
        ("INTERPACT_LOG_LEVEL", ":-"),
        ("INTERPACT_OIDC_ISSUER", ":-"),
        ("INTERPACT_OIDC_AUDIENCE", ":-"),
    }
    values = re.findall(r"^\s+\w*(?:PASSWORD|SECRET): (.*)$", COMPOSE, re.MULTILINE)
    assert [value for value in values if not value.startswith("${")] == []
    assert re.findall(r"postgresql://\w+:(?!\$\{)", COMPOSE) == []


def test_the_owners_password_is_not_given_to_the_service_or_the_worker(compose: dict[str, Any]) -> None:
    for name in ("service", "worker"):
        assert "OWNER" not in json.dumps(compose["services"][name]["environment"])
    assert "INTERPACT_SECRET" not in compose["services"]["migrate"]["environment"]


def test_the_database_is_set_up_by_the_same_roles_as_the_embedded_one(compose: dict[str, Any]) -> None:
    mounts = [volume for volume in compose["services"]["postgres"]["volumes"] if volume.startswith("./")]
    assert mounts == ["./runtime/roles.sql:/docker-entrypoint-initdb.d/10-roles.sql:ro"]
    assert (PROJECT / "runtime/roles.sql").is_file()


def test_the_image_is_slim_locked_and_runs_as_no_root() -> None:
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert bases == ["python:3.13-slim", "python:3.13-slim"]
    assert "--require-hashes" in DOCKERFILE
    assert re.findall(r"^USER (.+)$", DOCKERFILE, re.MULTILINE) == ["interpact"]


def test_the_image_holds_only_what_runs() -> None:
    allowed = (PROJECT / ".dockerignore").read_text(encoding="utf-8").split("\n")
    assert "*" in allowed
    assert [line for line in allowed if line.startswith("!") and re.search(r"tests|bench|\.git|\.env", line)] == []


@pytest.mark.parametrize("name", ["runtime", "dev"])
def test_a_lock_pins_every_package_with_hashes_and_names_no_index(name: str) -> None:
    lock = (PROJECT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    packages = re.split(r"^(?=[a-z0-9])", lock, flags=re.MULTILINE)[1:]
    assert len(packages) > 20
    assert [package for package in packages if not re.match(r"[\w.\[\]-]+==\S+ \\\n +--hash=sha256:", package)] == []
    assert re.findall(r"://|^\s*-", lock.replace("    --hash=", ""), re.MULTILINE) == []


def test_both_locks_agree() -> None:
    pins = [
        dict(re.findall(r"^(\S+)==(\S+)", (PROJECT / "requirements" / f"{name}.txt").read_text(), re.MULTILINE))
        for name in ("runtime", "dev")
    ]
    shared = pins[0].keys() & pins[1].keys()
    assert [(name, pins[0][name], pins[1][name]) for name in shared if pins[0][name] != pins[1][name]] == []
    assert (pins[0]["strawberry-graphql"], pins[0]["graphql-core"]) == ("0.341.2", "3.3.2")


def test_the_clients_lock_names_no_registry() -> None:
    lock = (PROJECT / "tests/clients/package-lock.json").read_text(encoding="utf-8")
    assert "://" not in lock
    packages = json.loads(lock)["packages"]
    assert [name for name, package in packages.items() if name and "integrity" not in package] == []
