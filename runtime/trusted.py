"""The folder of trusted documents, read once at start: each must be one that the service would run."""

from __future__ import annotations

import strawberry

from graph.context import Request
from graph.documents import Documents
from graph.errors import RequestError
from graph.limits import Limits
from graph.trusted import Trusted, trusted
from runtime.settings import DOCUMENTS, Settings, SettingsError

SUFFIX = ".graphql"


def trusted_documents(settings: Settings, schema: strawberry.Schema, limits: Limits) -> Trusted:
    """Raises SettingsError with every document that cannot be run."""
    if settings.documents is None:
        return Trusted()
    try:
        files = sorted(path for path in settings.documents.rglob(f"*{SUFFIX}") if path.is_file())
        texts = {path: path.read_bytes().decode() for path in files}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError((f"{DOCUMENTS.name} cannot be read: {error}",)) from error
    documents = Documents(schema, limits)
    wrong = [f"{DOCUMENTS.name}: {path}: {refusal}" for path in files if (refusal := _refusal(documents, texts[path]))]
    if not files:
        wrong.append(f"{DOCUMENTS.name} holds no *{SUFFIX} file: expected {DOCUMENTS.expected}")
    if wrong:
        raise SettingsError(tuple(wrong))
    return trusted(texts.values(), alone=settings.documents_only)


def _refusal(documents: Documents, text: str) -> str | None:
    """Variables and the choice among operations are for the request to give; all else must do."""
    try:
        documents.check(Request(text=text))
    except RequestError as error:
        return str(error)
    return None
