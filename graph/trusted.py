"""Documents that the operator knows beforehand: asked for by id in place of their text, or allowed alone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from graphql import GraphQLError

from graph.context import Request
from graph.errors import document_refused, problem

_ID = re.compile(r"sha256:[0-9a-f]{64}")


def document_id(text: str) -> str:
    """By its bytes in UTF-8, so that a client's build can tell it too."""
    return f"sha256:{sha256(text.encode(errors='surrogatepass')).hexdigest()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trusted:
    """`texts` by their ids. With `alone`, nothing else is run, whoever asks; the text of one of them is."""

    texts: Mapping[str, str] = field(default_factory=dict)
    alone: bool = False

    def text(self, request: Request) -> str:
        """The text that is asked for; raises RequestError where it is not known, or not allowed."""
        if request.document_id is not None:
            known = self.texts.get(request.document_id)
            if known is None:
                raise document_refused([_unknown(request.document_id)], "")
            return known
        if self.alone and document_id(request.text) not in self.texts:
            message = "Only documents that were registered with this service are run: ask by `documentId`."
            raise document_refused([problem("DOCUMENT_NOT_TRUSTED", message, None)], "")
        return request.text


NONE_TRUSTED = Trusted()


def trusted(texts: Iterable[str], *, alone: bool) -> Trusted:
    return Trusted(texts={document_id(text): text for text in texts}, alone=alone)


def _unknown(asked: str) -> GraphQLError:
    if _ID.fullmatch(asked) is None:
        return problem("DOCUMENT_NOT_FOUND", "A document's id is `sha256:` and 64 hexadecimal digits.", None)
    return problem("DOCUMENT_NOT_FOUND", "No document of this id is registered with this service.", None)
