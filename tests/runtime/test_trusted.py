"""The folder of trusted documents, as it is read at start."""

from __future__ import annotations

from pathlib import Path

import pytest

from graph.limits import Limits
from graph.schema import schema
from graph.trusted import Trusted, document_id
from runtime.settings import Settings, SettingsError, service_settings
from runtime.trusted import trusted_documents

VIEWER = "{ viewer { role } }\n"


def settings(folder: Path, only: str = "0") -> Settings:
    environ = {"HOME": "/home/ada", "INTERPACT_DOCUMENTS": str(folder), "INTERPACT_DOCUMENTS_ONLY": only}
    return service_settings(environ)


def test_every_graphql_file_of_the_folder_is_a_document(tmp_path: Path) -> None:
    (tmp_path / "desk").mkdir()
    (tmp_path / "desk" / "viewer.graphql").write_text(VIEWER)
    (tmp_path / "notes.txt").write_text("nothing")
    found = trusted_documents(settings(tmp_path, "1"), schema, Limits())
    assert found == Trusted(texts={document_id(VIEWER): VIEWER}, alone=True)


def test_no_folder_is_no_trusted_document() -> None:
    assert trusted_documents(service_settings({"HOME": "/home/ada"}), schema, Limits()) == Trusted()


def test_what_could_never_be_run_is_told_at_start_with_its_file(tmp_path: Path) -> None:
    (tmp_path / "a.graphql").write_text("{ nothing }")
    (tmp_path / "b.graphql").write_text("{")
    (tmp_path / "c.graphql").write_text(VIEWER)
    with pytest.raises(SettingsError) as caught:
        trusted_documents(settings(tmp_path), schema, Limits())
    first, second = caught.value.problems
    assert first == f"INTERPACT_DOCUMENTS: {tmp_path}/a.graphql: Cannot query field 'nothing' on type 'Query'."
    assert second.startswith(f"INTERPACT_DOCUMENTS: {tmp_path}/b.graphql: Syntax Error")


def test_a_folder_without_documents_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"INTERPACT_DOCUMENTS holds no \*\.graphql file"):
        trusted_documents(settings(tmp_path), schema, Limits())
