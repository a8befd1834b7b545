"""Every limit of the front door, in one place. A refusal names its limit's number and what was seen."""

from __future__ import annotations

from dataclasses import dataclass, fields

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """All of them are settable; `*_max` is the largest number that still passes."""

    head_bytes_max: int = 64 * KIB
    """Of an HTTP request's address and headers: a document of the greatest length fits, percent-encoded."""
    head_seconds_max: float = 10
    """How long a connection may take to send a head; one that was answered is closed after 5 silent seconds."""
    body_bytes_max: int = 1 * MIB
    body_seconds_max: float = 10
    """How long a client may take to send its body."""

    document_chars_max: int = 15_000
    document_tokens_max: int = 1_000
    operations_max: int = 20
    """In one document, of which a request runs one: each is validated all the same."""
    depth_max: int = 12
    """Nested fields; a root field is 1. Fragments add none."""
    introspection_depth_max: int = 20
    """The same from `__schema` and `__type` down: the standard query is 15 deep, and the schema bounds its answer."""
    introspections_max: float = 1.2
    """How much may be asked of the schema in one operation: the standard query with all its options is 1."""
    list_depth_max: int = 3
    """Fields on one path that return lists of objects: `edges` and `nodes` of connections too, lists of scalars not."""
    input_depth_max: int = 32
    """Nested lists and objects in an argument or a variable."""
    input_values_max: int = 50_000
    """Of all variables: members and items at every level. The largest call that records points has some 40,000."""
    input_objects_max: int = 2_500
    """Among them. Each is read by its type, which takes some 50 µs; a call with 1,000 outages has 2,001."""
    aliases_max: int = 30
    directives_max: int = 10
    root_fields_max: int = 20
    same_key_max: int = 5
    """How many selections may merge into one place of the answer."""
    spread_keys_max: int = 10_000
    """Response keys that fragments bring into the sets that spread them, over all spreads: the pre-check's own work."""

    cost_max: int = 10_000
    """Of one operation, near the number of objects in its largest answer: `graph/cost.py`."""

    errors_returned_max: int = 20
    message_chars_max: int = 1_000
    """Of one error's message; the library quotes what it refuses."""
    query_seconds_max: float = 15
    mutation_seconds_max: float = 60

    documents_cached_max: int = 1_000
    documents_cached_chars_max: int = 250_000
    """A document is kept with its syntax tree, which takes some 200 bytes a character."""

    loader_batch_max: int = 500
    loader_connections_max: int = 3
    """Batches that one operation may have under way at once."""

    socket_message_bytes_max: int = 128 * KIB
    socket_operations_max: int = 20
    socket_init_seconds_max: float = 10
    socket_send_seconds_max: float = 30
    """How long one message may wait for a slow reader before the socket is closed."""
    socket_ping_seconds: float = 15
    socket_recheck_seconds: float = 30
    """How often the credentials of an open socket are checked again."""
    tenant_sockets_max: int = 5_000
    """Open at once in one process, after their `connection_init`."""
    tenant_subscriptions_max: int = 10_000
    """The same of what is followed, over sockets and streams of events."""
    tenant_operations_max: int = 8
    """Of one tenant, under way at once in one process; fewer while it takes more than its share (`graph/turns.py`)."""
    tenant_waiting_max: int = 1_000
    """Operations of one tenant that wait for their turn in one process."""
    subscription_events_buffered_max: int = 256

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not value > 0:
                raise ValueError(f"the limit {field.name} must be positive, not {value}")
