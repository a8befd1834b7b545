"""A tenant with two rival vendors, a customer, and an agreement with each vendor, made through the schema."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from domain.actor import Actor
from domain.ids import KeyId, PartyId
from domain.policy import Role
from graph.ids import decode
from tests.graph.asking import Asker

START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Furnished:
    """Ids as the schema tells them, by code."""

    parties: dict[str, str]
    metrics: dict[str, str]
    services: dict[str, str]
    agreements: dict[str, str]


def uuid(node: str) -> UUID:
    return decode(node).uuid


def acting_for(asker: Asker, role: Role, party: str | None = None) -> Asker:
    """The same tenant's schema, as another role; `party` is a node's id."""
    bound = None if party is None else PartyId(uuid(party))
    actor = Actor(tenant=asker.actor.tenant, caller=KeyId(UUID(int=7)), role=role, party=bound)
    return asker.by(actor)


def a_promise(metric: str, /, code: str = "uptime", **more: object) -> dict[str, object]:
    window = {"calendar": {"every": "DAY", "zone": "UTC"}}
    return {"code": code, "name": code, "metric": metric, "expected": "99", "window": window, **more}


def an_agreement(code: str, provider: str, /, *objectives: dict[str, object], **more: object) -> dict[str, object]:
    return {
        "code": code,
        "name": code,
        "kind": "UC",
        "provider": provider,
        "startsAt": START.isoformat(),
        "effectiveFrom": START.isoformat(),
        "objectives": list(objectives),
        **more,
    }


def a_stream(metric: str, vendor: str = "acme", **more: object) -> dict[str, object]:
    return {"metric": metric, "service": f"{vendor}-api", "vendor": vendor, **more}


async def furnish(asker: Asker) -> Furnished:
    kinds = {"acme": "VENDOR", "rival": "VENDOR", "us": "CUSTOMER"}
    parties = {code: await made(asker, "Party", code, kind=kind) for code, kind in kinds.items()}
    shapes = {"uptime": "AVAILABILITY", "success": "RATIO_OF_SUMS", "latency": "MEAN"}
    metrics = {code: await made(asker, "Metric", code, aggregation=shape) for code, shape in shapes.items()}
    services = {
        f"{vendor}-api": await made(
            asker, "Service", f"{vendor}-api", provider=parties[vendor], consumers=[parties["us"]]
        )
        for vendor in ("acme", "rival")
    }
    agreements = {}
    for vendor in ("acme", "rival"):
        draft = an_agreement(
            f"uc-{vendor}", parties[vendor], a_promise(metrics["uptime"]), service=services[f"{vendor}-api"]
        )
        payload = await asker.do("draftAgreement", "agreement { id }", **draft)
        agreements[f"uc-{vendor}"] = payload["agreement"]["id"]
        await asker.do("activateAgreement", agreement=payload["agreement"]["id"])
    return Furnished(parties, metrics, services, agreements)


async def made(asker: Asker, noun: str, code: str, **more: Any) -> str:
    field = noun.lower()
    payload = await asker.do(f"create{noun}", f"{field} {{ id }}", code=code, name=f"{code} by name", **more)
    found: str = payload[field]["id"]
    return found
