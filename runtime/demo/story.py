"""The demo's company, its parties, metrics and services, as data. The company and its customers are made up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from domain.metric import Aggregation
from domain.party import PartyKind
from domain.ratio import Direction
from domain.structure import AllOf, AnyOf, Component, Structure

STORY = 1
"""Raised where the story changes, so that an older one's tenant is not taken for this one's."""

AVAILABILITY = "availability"
ANSWERED = "synthetic/answered"
LATENCY = "synthetic/latency"
SYNTHETIC_SEED = 20240101
SYNTHETIC_SOURCE = "synthetic"

COMPANY = "fernwater"
ENGINEERING = "fernwater/engineering"
CARE = "fernwater/customer-care"
ALPENHOF = "alpenhof"
HARBOURLIGHT = "harbourlight"

SHOP = "fernwater/shop-platform"
PIPELINE = "fernwater/build-pipeline"
HANDBOOK = "fernwater/handbook"
INTAKE = "fernwater/order-intake"

GITHUB = "GitHub"
GOOGLE = "Google Cloud"
CLOUDFLARE = "Cloudflare"


@dataclass(frozen=True, slots=True)
class PartySketch:
    code: str
    name: str
    kind: PartyKind
    parent: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricSketch:
    code: str
    name: str
    aggregation: Aggregation
    direction: Direction = Direction.AT_LEAST
    unit: str
    grid: timedelta = timedelta(minutes=15)
    methodology: str


@dataclass(frozen=True, slots=True)
class RecordName:
    """A component as the records name it."""

    vendor: str
    service: str


Pick = Callable[[RecordName], Component]
"""The component in the tenant that the records call so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSketch:
    """A service of the company's own. `structure` is None where it is measured by itself."""

    code: str
    name: str
    provider: str
    consumers: tuple[str, ...]
    structure: Callable[[Pick], Structure] | None = None


PARTIES = (
    PartySketch(COMPANY, "Fernwater Software (made up)", PartyKind.INTERNAL),
    PartySketch(ENGINEERING, "Fernwater Engineering", PartyKind.INTERNAL, parent=COMPANY),
    PartySketch(CARE, "Fernwater Customer Care", PartyKind.INTERNAL, parent=COMPANY),
    PartySketch(ALPENHOF, "Alpenhof Clinics (made up)", PartyKind.CUSTOMER),
    PartySketch(HARBOURLIGHT, "Harbourlight Retail (made up)", PartyKind.CUSTOMER),
)
CUSTOMERS = (ALPENHOF, HARBOURLIGHT)
VENDORS = (CLOUDFLARE, GITHUB, GOOGLE)

METRICS = (
    MetricSketch(
        code=AVAILABILITY,
        name="Availability",
        aggregation=Aggregation.AVAILABILITY,
        unit="%",
        methodology="Share of the agreed time that is not down, from the vendors' own incident records. Critical and "
        "major incidents count as down; minor ones and those of no impact are recorded and told, not "
        "counted. Maintenance is an exclusion. The records name no region: an incident counts in full "
        "wherever it was.",
    ),
    MetricSketch(
        code=ANSWERED,
        name="Requests answered in time (synthetic)",
        aggregation=Aggregation.RATIO_OF_SUMS,
        unit="%",
        grid=timedelta(hours=1),
        methodology=f"Synthetic: hourly tallies made up from the fixed seed {SYNTHETIC_SEED}, measured by nobody.",
    ),
    MetricSketch(
        code=LATENCY,
        name="Mean answering time (synthetic)",
        aggregation=Aggregation.MEAN,
        direction=Direction.AT_MOST,
        unit="ms",
        methodology=f"Synthetic: hourly samples made up from the fixed seed {SYNTHETIC_SEED}, measured by nobody.",
    ),
)

GITHUB_FEATURES = (
    "API Requests",
    "Actions",
    "Codespaces",
    "Git Operations",
    "Issues",
    "Packages",
    "Pages",
    "Pull Requests",
    "Webhooks",
)
COMPUTE_ENGINE = RecordName(GOOGLE, "Google Compute Engine")
CLOUDFLARE_SERVICES = (
    "API",
    "Access",
    "Authoritative DNS",
    "CDN/Cache",
    "Network",
    "Pages",
    "R2",
    "Workers",
)
UNDER_CONTRACT = (
    *(RecordName(GITHUB, name) for name in GITHUB_FEATURES),
    COMPUTE_ENGINE,
    *(RecordName(CLOUDFLARE, name) for name in CLOUDFLARE_SERVICES),
)
WITHOUT_CONTRACT = (RecordName(GOOGLE, "Google Cloud Storage"),)
"""What the platform rests on though nobody answers for it: its published terms are not in the source note."""


def _shop(pick: Pick) -> Structure:
    """Traffic comes in through the network to workers and machines; pictures lie in two stores, of which one is "
    "enough."""
    return AllOf(
        (
            pick(RecordName(CLOUDFLARE, "Network")),
            pick(RecordName(CLOUDFLARE, "Workers")),
            pick(COMPUTE_ENGINE),
            AnyOf((pick(RecordName(CLOUDFLARE, "R2")), pick(WITHOUT_CONTRACT[0]))),
        )
    )


def _pipeline(pick: Pick) -> Structure:
    return AllOf(tuple(pick(RecordName(GITHUB, name)) for name in ("Git Operations", "Actions", "Packages")))


def _handbook(pick: Pick) -> Structure:
    """The same pages are published twice."""
    return AnyOf((pick(RecordName(GITHUB, "Pages")), pick(RecordName(CLOUDFLARE, "Pages"))))


SERVICES = (
    ServiceSketch(code=SHOP, name="Shop platform", provider=COMPANY, consumers=CUSTOMERS, structure=_shop),
    ServiceSketch(code=PIPELINE, name="Build pipeline", provider=COMPANY, consumers=CUSTOMERS, structure=_pipeline),
    ServiceSketch(code=HANDBOOK, name="Handbook", provider=COMPANY, consumers=CUSTOMERS, structure=_handbook),
    ServiceSketch(code=INTAKE, name="Order intake", provider=ENGINEERING, consumers=(CARE,)),
)
