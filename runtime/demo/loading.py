"""Brings the demo's tenant to the end of its replay, whatever state it is in: missing, broken off, or finished."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.ids import KeyId, TenantId
from domain.policy import Role
from domain.ports import Mint
from persistence.operator import Operator, Tenant
from runtime.clock import SettableClock, system_clock
from runtime.commands.key import issued
from runtime.demo.account import Account, account_of
from runtime.demo.catalog import Builder, Catalog, build_catalog, things_of
from runtime.demo.naming import Names, names_of
from runtime.demo.plan import Plan, begins, first_instant, plan_of
from runtime.demo.progress import Progress
from runtime.demo.records import Record, digest_of
from runtime.demo.replay import Stage, actors_of, counts_of, is_finished, replay, steward_of
from runtime.demo.story import CLOUDFLARE, COMPANY, STORY
from runtime.service import Running

KEYS_HOLD = timedelta(days=30)
"""Each run makes keys of its own, so an old one ends by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """Their texts. `manager` sees the whole tenant, `vendor` what is its own."""

    manager: str
    vendor: str
    vendor_code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    account: Account
    keys: Keys


async def load(
    running: Running,
    clock: SettableClock,
    operator: Operator,
    records: Sequence[Record],
    *,
    file: str,
    progress: Progress,
) -> Loaded:
    """`clock` is the one that `running` reads; it stands at or before where the replay begins."""
    names = names_of({record.name for record in records})
    tenant = await _tenant(operator, records, running.mint)
    finished = await is_finished(running.open_work, tenant.id)
    catalog = await _catalog(running, tenant.id, names, records, progress)
    services = {code: service.id for code, service in catalog.services.items()}
    plan = plan_of(records, names, services, now=system_clock())
    actors = actors_of(tenant.id, catalog.parties, names.vendors.values())
    stage = Stage(running=running, clock=clock, tenant=tenant.id, actors=actors)
    if not finished:
        await _replayed(stage, plan, progress)
    account = await account_of(
        running.open_work,
        steward_of(tenant.id),
        tenant=tenant.code,
        file=file,
        records=records,
        names=names,
        catalog=catalog,
        plan=plan,
        counts=await counts_of(stage, plan),
    )
    return Loaded(account=account, keys=await _keys(operator, tenant.id, names, catalog, running.mint))


async def _tenant(operator: Operator, records: Sequence[Record], mint: Mint) -> Tenant:
    """One for each file's content and story: other records are another tenant's."""
    code = f"demo-{STORY}-{digest_of(records)[:12]}"
    found = await operator.tenant(code)
    if found is None:
        found = Tenant(
            id=TenantId(mint()), code=code, name=f"Demo on {len(records)} outage records", created_at=system_clock()
        )
        await operator.create_tenant(found)
    return found


async def _catalog(
    running: Running, tenant: TenantId, names: Names, records: Sequence[Record], progress: Progress
) -> Catalog:
    with progress.of("parties, services, agreements", things_of(names)) as advance:
        builder = Builder(
            open_work=running.open_work,
            steward=steward_of(tenant),
            at=begins(records),
            mint=running.mint,
            advanced=advance,
        )
        return await build_catalog(builder, names, first_instant(records))


async def _replayed(stage: Stage, plan: Plan, progress: Progress) -> None:
    with progress.of("replay", len(plan.steps)) as advance:

        def moved(steps: int, at: datetime) -> None:
            advance(steps, f"{at:%Y-%m-%d}")

        await replay(stage, plan, moved)


async def _keys(operator: Operator, tenant: TenantId, names: Names, catalog: Catalog, mint: Mint) -> Keys:
    expires_at = system_clock() + KEYS_HOLD
    manager, kept = issued(
        tenant,
        KeyId(mint()),
        role=Role.SERVICE_LEVEL_MANAGER,
        party=None,
        label=f"demo: {COMPANY}'s service level manager",
        expires_at=expires_at,
    )
    await operator.create_key(kept)
    code = names.vendors[CLOUDFLARE]
    vendor, kept = issued(
        tenant,
        KeyId(mint()),
        role=Role.VENDOR,
        party=catalog.parties[code].id,
        label=f"demo: {code}'s integration",
        expires_at=expires_at,
    )
    await operator.create_key(kept)
    return Keys(manager=manager, vendor=vendor, vendor_code=code)
