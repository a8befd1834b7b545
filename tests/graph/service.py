"""A small schema behind the real doors, served by uvicorn on a thread of its own, for the tests of this folder."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import strawberry
import uvicorn
from strawberry.schema.config import StrawberryConfig

from domain.actor import Actor
from domain.audit import Origin
from domain.errors import NotFound, Unauthenticated
from domain.ids import KeyId, TenantId
from domain.policy import Role
from graph.app import create_app, server_options
from graph.context import Context
from graph.documents import Documents
from graph.limits import Limits
from graph.scalars import SCALAR_MAP, BigInt, Currency, Url

ADMIN = Actor(tenant=TenantId(UUID(int=1)), caller=KeyId(UUID(int=2)), role=Role.ADMIN)


@dataclass
class Journal:
    """What happened inside the service. Lists are appended to on its thread and read on the test's."""

    tokens: dict[str, Actor] = field(default_factory=lambda: {"good": ADMIN})
    checks: int = 0
    contexts: list[Context] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    ready: Exception | None = None
    broken: bool = False
    """Whether authentication fails for reasons of its own."""

    def wait_for(self, note: str, seconds: float = 5) -> None:
        end = time.monotonic() + seconds
        while note not in self.notes:
            assert time.monotonic() < end, f"{note!r} did not happen, only {self.notes}"
            time.sleep(0.005)


Info = strawberry.Info[Context, None]


def journal_of(info: Info) -> Journal:
    journal = info.context.app
    assert isinstance(journal, Journal)
    return journal


@strawberry.type
class Thing:
    number: int
    a: int = 1
    b: str = "b"
    c: str = "c"
    d: str = "d"
    e: bool = True
    f: int = 6
    g: str = "g"
    h: str = "h"
    i: str = "i"
    tags: list[str] = field(default_factory=list)

    @strawberry.field
    def child(self) -> Thing:
        return self

    @strawberry.field
    def children(self, first: int = 1) -> list[Thing]:
        return [self] * first

    @strawberry.field
    def grid(self) -> list[list[Thing]]:
        return [[self]]


@strawberry.interface
class Named:
    name: str = "name"


@strawberry.type
class Cat(Named):
    purrs: bool = True


@strawberry.type
class Dog(Named):
    barks: bool = True


@strawberry.input
class Tree:
    leaf: str = ""
    branches: list[Tree] = field(default_factory=list)


@strawberry.type
class Scalars:
    at: datetime | None = None
    ratio: Decimal | None = None
    length: timedelta | None = None
    currency: Currency | None = None
    url: Url | None = None
    count: BigInt | None = None


@strawberry.type
class Query:
    @strawberry.field
    def hello(self, name: str = "world") -> str:
        return f"hello {name}"

    @strawberry.field
    def thing(self) -> Thing:
        return Thing(number=0)

    @strawberry.field
    def named(self) -> Named:
        return Cat()

    @strawberry.field
    def things(self, count: int) -> list[Thing]:
        return [Thing(number=number) for number in range(count)]

    @strawberry.field
    async def slow(self, info: Info, seconds: float = 30) -> str:
        journal = journal_of(info)
        journal.notes.append("slow begun")
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            journal.notes.append("slow cancelled")
            raise
        return "slow"

    @strawberry.field
    def bug(self) -> str | None:
        raise RuntimeError("password=hunter2")

    @strawberry.field
    def misfit(self) -> int:
        return 2**40

    @strawberry.field
    def missing(self) -> str | None:
        raise NotFound("agreement", "x", path=("input", 0, "id"))

    @strawberry.field
    def many_missing(self, count: int) -> list[Missing]:
        return [Missing() for _ in range(count)]

    @strawberry.field
    def tree(self, tree: Tree) -> str:
        return tree.leaf

    @strawberry.field
    def scalars(
        self,
        at: datetime | None = None,
        ratio: Decimal | None = None,
        length: timedelta | None = None,
        currency: Currency | None = None,
        url: Url | None = None,
        count: BigInt | None = None,
    ) -> Scalars:
        return Scalars(at=at, ratio=ratio, length=length, currency=currency, url=url, count=count)


@strawberry.type
class Missing:
    @strawberry.field
    def name(self) -> str | None:
        raise NotFound("thing", "y")


@strawberry.type
class Mutation:
    @strawberry.mutation
    def rename(self, info: Info, name: str) -> str:
        journal_of(info).notes.append(f"renamed {name}")
        return name

    @strawberry.mutation
    async def slow_rename(self, seconds: float) -> str:
        await asyncio.sleep(seconds)
        return "renamed"


@strawberry.type
class Tick:
    number: int

    @strawberry.field
    def context(self, info: Info) -> str:
        """Tells contexts apart."""
        return str(id(info.context))

    @strawberry.field
    async def slow(self, seconds: float) -> int:
        await asyncio.sleep(seconds)
        return self.number


@strawberry.type
class News:
    cursor: str
    number: int


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def news(self, info: Info, after: str | None = None, count: int = 3) -> AsyncGenerator[News, None]:
        """Numbers from the one after the cursor on; 13 is bad luck."""
        journal_of(info).notes.append(f"news after {after}")
        if after == "13":
            raise NotFound("cursor", after, path=("after",))
        first = int(after or 0) + 1
        for number in range(first, first + count):
            yield News(cursor=str(number), number=number)

    @strawberry.subscription
    async def ticks(self, info: Info, count: int, seconds: float = 0) -> AsyncGenerator[Tick, None]:
        journal = journal_of(info)
        journal.notes.append("ticks begun")
        try:
            for number in range(count):
                await asyncio.sleep(seconds)
                journal.notes.append(f"tick {number}")
                yield Tick(number=number)
        finally:
            journal.notes.append("ticks ended")

    @strawberry.subscription
    async def blobs(self, info: Info, chars: int) -> AsyncGenerator[str, None]:
        """Endless, never waiting, large."""
        journal = journal_of(info)
        try:
            while True:
                journal.notes.append("blob")
                yield "x" * chars
        finally:
            journal.notes.append("blobs ended")

    @strawberry.subscription
    async def breaks(self) -> AsyncGenerator[Tick, None]:
        yield Tick(number=0)
        raise RuntimeError("password=hunter2")

    @strawberry.subscription
    async def expires(self) -> AsyncGenerator[Tick, None]:
        yield Tick(number=0)
        raise NotFound("cursor", "z")


SCHEMA = strawberry.Schema(
    Query, Mutation, Subscription, types=[Cat, Dog], config=StrawberryConfig(scalar_map=SCALAR_MAP)
)


DEFAULTS = Limits()


@dataclass(frozen=True)
class Service:
    address: str
    journal: Journal
    documents: Documents
    server: uvicorn.Server

    @property
    def graphql(self) -> str:
        return f"http://{self.address}/graphql"

    @property
    def websocket(self) -> str:
        return f"ws://{self.address}/graphql"


@contextmanager
def a_service(limits: Limits = DEFAULTS, **options: Any) -> Iterator[Service]:
    """The service on a free port; the options are those of `create_app`."""
    journal = Journal()

    async def authenticate(authorization: str | None, *, tenant: str | None, origin: Origin | None = None) -> Actor:
        journal.checks += 1
        actor = journal.tokens.get((authorization or "").removeprefix("Bearer "))
        if journal.broken or authorization == "Bearer broken":
            raise RuntimeError("password=hunter2")
        if actor is None:
            raise Unauthenticated("no valid credentials")
        return actor

    def make_context(actor: Actor, request_id: str, deadline: float) -> Context:
        context = Context(actor=actor, request_id=request_id, deadline=deadline, app=journal)
        journal.contexts.append(context)
        return context

    async def readiness() -> None:
        if journal.ready:
            raise journal.ready

    app = create_app(
        SCHEMA, authenticate=authenticate, make_context=make_context, limits=limits, readiness=readiness, **options
    )
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_config=None, lifespan="off", **server_options(limits))
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.005)
        port = listener.getsockname()[1]
        yield Service(f"127.0.0.1:{port}", journal, app.state.documents, server)
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()
        assert not thread.is_alive(), "the service did not stop"
