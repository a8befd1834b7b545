"""Database errors as errors of the field, by constraint name. What is not listed is a bug or a failure, and stays."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import NoReturn

import asyncpg
from sqlalchemy.exc import DBAPIError

from domain.errors import (
    DomainError,
    NotFound,
    OutOfRange,
    OutOfTime,
    RevisionConflict,
    Taken,
    TenantMissing,
    Unavailable,
    WrongState,
)

SETTING = "interpact.tenant"


@contextmanager
def translating() -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        _raise(error, error.orig.__cause__ if error.orig is not None else None)
    except asyncpg.PostgresError as error:
        _raise(error, error)


def _raise(error: Exception, cause: BaseException | None) -> NoReturn:
    found = translated(cause)
    if found is None:
        raise error
    raise found from error


def translated(cause: BaseException | None) -> DomainError | None:
    """The error of the field that a driver's error stands for; None where there is none."""
    match cause:
        case asyncpg.UndefinedObjectError() if SETTING in str(cause):
            return TenantMissing("no tenant is bound")
        case asyncpg.InvalidTextRepresentationError() if 'type uuid: ""' in str(cause):
            # The setting of a former transaction on this connection ended with it and left an empty text.
            return TenantMissing("no tenant is bound")
        case asyncpg.IntegrityConstraintViolationError():
            conflict = _CONFLICTS.get(str(cause.constraint_name))
            return None if conflict is None else conflict()
        case asyncpg.QueryCanceledError():
            return out_of_time()
        case (
            asyncpg.PostgresConnectionError()
            | asyncpg.AdminShutdownError()
            | asyncpg.CrashShutdownError()
            | asyncpg.CannotConnectNowError()
        ):
            return unavailable()
        case _:
            return None


def out_of_time() -> OutOfTime:
    return OutOfTime("it took too long and was stopped")


def unavailable() -> Unavailable:
    return Unavailable("the database cannot be reached just now: try again soon")


Conflict = Callable[[], DomainError]
"""Under row-level security the server does not tell which key it was, so neither do these."""


def _taken(kind: str) -> Conflict:
    article = "an" if kind[0] in "aeiou" else "a"
    return lambda: Taken(f"{article} {kind} of this code exists already", path=("code",))


def _missing(kind: str, *path: str) -> Conflict:
    return lambda: NotFound(kind, "of this id", path=path)


_CONFLICTS: Mapping[str, Conflict] = {
    "tenant_code_key": _taken("tenant"),
    "party_code_key": _taken("party"),
    "service_code_key": _taken("service"),
    "metric_code_key": _taken("metric"),
    "agreement_code_key": _taken("agreement"),
    "service_structure_key": lambda: Taken(
        "the service has a structure that takes effect at that instant", path=("effectiveFrom",)
    ),
    "agreement_version_number_key": lambda: WrongState("another version was drafted at the same time"),
    "exclusion_pkey": lambda: RevisionConflict("another revision of the exclusion was faster"),
    "attainment_pkey": lambda: RevisionConflict("another revision of the attainment was faster"),
    "api_key_tenant_fkey": _missing("tenant"),
    "api_key_party_fkey": _missing("party", "party"),
    "membership_tenant_fkey": _missing("tenant"),
    "membership_party_fkey": _missing("party", "party"),
    "membership_person_key": lambda: Taken(
        "the person is invited to this tenant, or in it, already", path=("subject",)
    ),
    "party_parent_fkey": _missing("party", "parent"),
    "service_provider_fkey": _missing("party", "provider"),
    "service_consumer_party_fkey": _missing("party", "consumers"),
    "service_component_component_fkey": _missing("service", "structure"),
    "service_structure_service_fkey": _missing("service", "service"),
    "service_component_service_fkey": _missing("service", "service"),
    "agreement_provider_fkey": _missing("party", "provider"),
    "agreement_customer_fkey": _missing("party", "customer"),
    "agreement_service_fkey": _missing("service", "service"),
    "agreement_version_agreement_fkey": _missing("agreement", "agreement"),
    "objective_metric_fkey": _missing("metric", "objectives", "metric"),
    "stream_metric_fkey": _missing("metric", "metric"),
    "stream_service_fkey": _missing("service", "service"),
    "stream_customer_fkey": _missing("party", "customer"),
    "stream_vendor_fkey": _missing("party", "vendor"),
    "outage_stream_fkey": _missing("stream", "stream"),
    "service_case_stream_fkey": _missing("stream", "stream"),
    "stream_report_stream_fkey": _missing("stream", "stream"),
    "mark_stream_fkey": _missing("stream", "stream"),
    "mark_service_fkey": _missing("service", "service"),
    "mark_objective_fkey": _missing("objective", "objective"),
    "exclusion_service_fkey": _missing("service", "service"),
    "exclusion_agreement_fkey": _missing("agreement", "agreement"),
    "judged_period_scope_fkey": _missing("objective"),
    "judged_scope_objective_fkey": _missing("objective"),
    "judged_scope_service_fkey": _missing("service"),
    "exclusion_span_check": lambda: OutOfRange("an exclusion ends after it starts", path=("endsAt",)),
}
