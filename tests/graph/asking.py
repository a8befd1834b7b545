"""Asking the real schema over real storage, as an actor: through the document's way, without a socket."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from domain.actor import Actor
from domain.ids import Position, TenantId
from domain.ports import Work
from domain.usecases.judging import judge_due
from graph.application import Application
from graph.context import Context, Request
from graph.cursors import Seal
from graph.desk import make_context
from graph.documents import Answer, Documents
from graph.limits import Limits
from graph.schema import schema
from persistence.database import Database
from runtime.clock import Mint
from runtime.proposed_holidays import proposed_holidays

LIMITS = Limits()
DOCUMENTS = Documents(schema, LIMITS)
POLL_SECONDS = 0.01


@dataclass
class Clock:
    """Stands still until a test moves it."""

    now: datetime

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, time: timedelta) -> None:
        self.now += time


async def _soon(_tenant: TenantId, _position: Position) -> None:
    await asyncio.sleep(POLL_SECONDS)


@dataclass(frozen=True, kw_only=True)
class Asker:
    """One actor at the schema. `say` answers the whole; `ask` the data, where nothing may have gone wrong."""

    application: Application
    actor: Actor
    clock: Clock
    opened: list[Actor] = field(default_factory=list)
    """Whose unit of work was opened, one after the other."""

    def by(self, actor: Actor) -> Asker:
        return replace(self, actor=actor)

    async def say(self, text: str, **variables: object) -> Answer:
        operation = DOCUMENTS.operation(Request(text=text, variables=variables))
        return await operation.answer(self._context(asyncio.get_running_loop().time() + 30))

    async def ask(self, text: str, **variables: object) -> Any:
        answer = await self.say(text, **variables)
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    async def do(self, mutation: str, shows: str = "", /, **given: object) -> Any:
        """The payload of a mutation by its name, which must have gone well."""
        payload = await self.attempt(mutation, shows, **given)
        assert payload["userErrors"] == []
        return payload

    async def attempt(self, mutation: str, shows: str = "", /, **given: object) -> Any:
        answer = await self.ask(_mutation(mutation, shows), input=given)
        return answer[mutation]

    async def judge(self) -> None:
        passed = await judge_due(self.application.open_work, self.actor, at=self.clock(), mint=self.application.mint)
        if passed.more:
            await self.judge()

    @asynccontextmanager
    async def following(self, text: str, **variables: object) -> AsyncGenerator[AsyncGenerator[Answer, None], None]:
        operation = DOCUMENTS.operation(Request(text=text, variables=variables))
        async with aclosing(operation.answers(self._context)) as answers:
            yield answers

    def _context(self, deadline: float) -> Context:
        return make_context(self.application, LIMITS)(self.actor, "test", deadline)


def _mutation(name: str, shows: str) -> str:
    kind = name[0].upper() + name[1:]
    return (
        f"mutation($input: {kind}Input!) {{ {name}(input: $input) {{ {shows} userErrors {{ code message path }} }} }}"
    )


def an_asker(database: Database, actor: Actor, mint: Mint, now: datetime, *, heartbeat_seconds: float = 15) -> Asker:
    clock = Clock(now)
    opened: list[Actor] = []

    @asynccontextmanager
    async def open_work(actor: Actor, *, deadline: float = math.inf) -> AsyncIterator[Work]:
        opened.append(actor)
        async with database.open_work(actor, deadline=deadline) as work:
            yield work

    application = Application(
        open_work=open_work,
        clock=clock,
        mint=mint,
        seal=Seal(b"s" * 32),
        awaken=_soon,
        propose_holidays=proposed_holidays,
        heartbeat_seconds=heartbeat_seconds,
    )
    return Asker(application=application, actor=actor, clock=clock, opened=opened)
