"""The demo's agreements, as data.

The vendors' terms are read from what they publish, as far as the source note beside the example data tells it. None is
made up: what that note does not tell, the clauses call not stated.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from domain.agreement import DEFAULT_GRACE, AgreementKind, Clause, ClauseKind
from domain.calendars import CalendarWindow, ContractYearWindow, Every, Window
from domain.objective import Importance, Override
from runtime.demo.story import (
    ALPENHOF,
    ANSWERED,
    AVAILABILITY,
    CARE,
    CLOUDFLARE,
    CLOUDFLARE_SERVICES,
    COMPANY,
    COMPUTE_ENGINE,
    ENGINEERING,
    GITHUB,
    GITHUB_FEATURES,
    GOOGLE,
    HARBOURLIGHT,
    INTAKE,
    LATENCY,
    SHOP,
    SYNTHETIC_SEED,
    SYNTHETIC_SOURCE,
    RecordName,
)

BERLIN = "Europe/Berlin"
LONDON = "Europe/London"
PACIFIC = "America/Los_Angeles"

MONTH_BERLIN = CalendarWindow(every=Every.MONTH, zone=BERLIN)
MONTH_PACIFIC = CalendarWindow(every=Every.MONTH, zone=PACIFIC)
QUARTER_PACIFIC = CalendarWindow(every=Every.QUARTER, zone=PACIFIC)
YEAR_LONDON = ContractYearWindow(zone=LONDON)


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    code: str
    name: str
    metric: str = AVAILABILITY
    expected: Decimal
    minimum: Decimal | None = None
    window: Window
    importance: Importance = Importance.KEY_MEASUREMENT
    source: str | None = None
    minimum_duration: timedelta = timedelta(0)
    override: Override = Override.ANY


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """`provider` and `customer` by code, but a vendor's by its name in the records; `service` likewise."""

    code: str
    name: str
    kind: AgreementKind
    provider: str
    customer: str | None = None
    service: str | RecordName | None = None
    promises: tuple[Promise, ...]
    clauses: tuple[Clause, ...]
    grace: timedelta = DEFAULT_GRACE


_OUR_READING = "Where the published text leaves a gap, the reading is ours."
_COUNTING = (
    "Critical and major incidents of the vendor's own records count as down to the second; minor ones are told, not "
    "counted."
)
_MAINTENANCE = Clause(
    kind=ClauseKind.EXCLUSIONS,
    text="Maintenance that the vendor recorded leaves the denominator. Further exclusions are not stated here.",
)
_NO_DEADLINE = Clause(
    kind=ClauseKind.DISPUTE_PROCEDURE, text="The deadline by which a credit must be claimed is not stated here."
)

GITHUB_CONTRACT = Contract(
    code="uc/github",
    name="GitHub Enterprise Cloud",
    kind=AgreementKind.UC,
    provider=GITHUB,
    customer=COMPANY,
    promises=(
        Promise(
            code=AVAILABILITY,
            name="Uptime of a service feature in a calendar quarter",
            expected=Decimal("99.9"),
            window=QUARTER_PACIFIC,
            importance=Importance.CRITICAL,
        ),
    ),
    clauses=(
        Clause(
            kind=ClauseKind.PURPOSE,
            text="The vendor's published service level, as a contract that underpins our own promises. " + _OUR_READING,
        ),
        Clause(
            kind=ClauseKind.SCOPE,
            text="Each service feature by itself: "
            + ", ".join(GITHUB_FEATURES)
            + ". What the records name besides is under no contract here.",
        ),
        Clause(
            kind=ClauseKind.MEASUREMENT_METHOD,
            text="Denominator: the time of the calendar quarter, without recorded maintenance. The quarter's zone is "
            f"not stated here; we read {PACIFIC}. A minimum downtime is not stated here: every second counts. "
            f"{_COUNTING} Actions and Packages are promised as ratios of executions: the time formula on them is "
            "illustrative.",
        ),
        _MAINTENANCE,
        Clause(
            kind=ClauseKind.RESPONSIBILITIES,
            text="Credit: below 99.9 % down to 99.0 %, 10 %; below 99.0 %, 25 % of that feature's fees. A cap is not "
            "stated here.",
        ),
        _NO_DEADLINE,
    ),
)

GOOGLE_CONTRACT = Contract(
    code="uc/google-compute",
    name="Google Compute Engine in several zones",
    kind=AgreementKind.UC,
    provider=GOOGLE,
    customer=COMPANY,
    service=COMPUTE_ENGINE,
    promises=(
        Promise(
            code=AVAILABILITY,
            name="Uptime of instances in several zones in a month",
            expected=Decimal("99.99"),
            window=MONTH_PACIFIC,
            importance=Importance.CRITICAL,
            minimum_duration=timedelta(minutes=1),
        ),
    ),
    clauses=(
        Clause(
            kind=ClauseKind.PURPOSE,
            text="The vendor's published service level, as a contract that underpins our own promises. " + _OUR_READING,
        ),
        Clause(
            kind=ClauseKind.SCOPE,
            text="Instances in several zones. Of Google Cloud's products only this one's terms are in the source "
            "note; all others are under no contract here.",
        ),
        Clause(
            kind=ClauseKind.MEASUREMENT_METHOD,
            text="Denominator: the time of the month, without recorded maintenance. The month's zone is not stated "
            f"here; we read {PACIFIC}. Minimum downtime: an outage of a minute or more counts, in full. "
            f"{_COUNTING}",
        ),
        _MAINTENANCE,
        Clause(
            kind=ClauseKind.RESPONSIBILITIES,
            text="Credit: below 99.99 % down to 99.0 %, 10 %; below 99.0 % down to 95.0 %, 25 %; below 95.0 %, 100 %."
            " A cap is not stated here.",
        ),
        _NO_DEADLINE,
    ),
)

CLOUDFLARE_CONTRACT = Contract(
    code="uc/cloudflare",
    name="Cloudflare Business",
    kind=AgreementKind.UC,
    provider=CLOUDFLARE,
    customer=COMPANY,
    promises=(
        Promise(
            code=AVAILABILITY,
            name="Uptime of a service in an invoice month",
            expected=Decimal(100),
            window=MONTH_PACIFIC,
            importance=Importance.CRITICAL,
        ),
    ),
    clauses=(
        Clause(
            kind=ClauseKind.PURPOSE,
            text="The vendor's published service level, as a contract that underpins our own promises. " + _OUR_READING,
        ),
        Clause(
            kind=ClauseKind.SCOPE,
            text="Each service by itself: "
            + ", ".join(CLOUDFLARE_SERVICES)
            + ". What the records name besides is under no contract here.",
        ),
        Clause(
            kind=ClauseKind.MEASUREMENT_METHOD,
            text="The window is not stated here; we read the month of the invoice, as the credit is a share of the "
            f"monthly fee, in {PACIFIC}. Denominator: scheduled availability, which is the month without recorded"
            f" maintenance. A minimum downtime is not stated here: at 100 % any second misses. {_COUNTING}",
        ),
        _MAINTENANCE,
        Clause(
            kind=ClauseKind.RESPONSIBILITIES,
            text="Credit: outage minutes times the affected customer ratio (1 where it is unknown) divided by "
            "scheduled availability minutes, of the monthly fee. A cap is not stated here.",
        ),
        _NO_DEADLINE,
    ),
)

_MADE_UP = Clause(kind=ClauseKind.PURPOSE, text="Made up for the demo: company, customer and figures.")
_FROM_VENDORS = Clause(
    kind=ClauseKind.MEASUREMENT_METHOD,
    text="The service is down where its structure says so for the recorded outages of the components that it rests on.",
)

CORPORATE = Contract(
    code="sla/corporate",
    name="Terms for all customers",
    kind=AgreementKind.SLA,
    provider=COMPANY,
    promises=(
        Promise(
            code=AVAILABILITY,
            name="Availability of every service in a month",
            expected=Decimal("99.5"),
            minimum=Decimal("99.0"),
            window=MONTH_BERLIN,
            override=Override.TIGHTEN,
        ),
    ),
    clauses=(_MADE_UP, _FROM_VENDORS),
)
FOR_ALPENHOF = Contract(
    code="sla/alpenhof",
    name="Alpenhof Clinics: stricter, on all services",
    kind=AgreementKind.SLA,
    provider=COMPANY,
    customer=ALPENHOF,
    promises=(
        Promise(
            code=AVAILABILITY,
            name="Availability of every service in a month",
            expected=Decimal("99.9"),
            minimum=Decimal("99.5"),
            window=MONTH_BERLIN,
            importance=Importance.CRITICAL,
        ),
    ),
    clauses=(_MADE_UP, _FROM_VENDORS),
)
FOR_THE_SHOP = Contract(
    code="sla/shop-platform",
    name="Shop platform, for all customers",
    kind=AgreementKind.SLA,
    provider=COMPANY,
    service=SHOP,
    promises=(
        Promise(
            code=AVAILABILITY,
            name="Availability in a month",
            expected=Decimal("99.8"),
            window=MONTH_BERLIN,
        ),
    ),
    clauses=(_MADE_UP, _FROM_VENDORS),
)
HARBOURLIGHTS_SHOP = Contract(
    code="sla/harbourlight",
    name="Harbourlight Retail: shop platform over a year",
    kind=AgreementKind.SLA,
    provider=COMPANY,
    customer=HARBOURLIGHT,
    service=SHOP,
    promises=(
        Promise(
            code="availability-of-the-year",
            name="Availability in a contract year",
            expected=Decimal("99.7"),
            window=YEAR_LONDON,
            importance=Importance.CRITICAL,
        ),
    ),
    clauses=(_MADE_UP, _FROM_VENDORS),
)
INTERNAL = Contract(
    code="ola/order-intake",
    name="Order intake, for Customer Care (synthetic)",
    kind=AgreementKind.OLA,
    provider=ENGINEERING,
    customer=CARE,
    service=INTAKE,
    promises=(
        Promise(
            code="answered",
            name="Requests answered in time in a month (synthetic)",
            metric=ANSWERED,
            expected=Decimal("99.9"),
            minimum=Decimal("99.8"),
            window=MONTH_BERLIN,
            source=SYNTHETIC_SOURCE,
        ),
        Promise(
            code="latency",
            name="Mean answering time in a month (synthetic)",
            metric=LATENCY,
            expected=Decimal(180),
            window=MONTH_BERLIN,
            importance=Importance.REPORT_ONLY,
            source=SYNTHETIC_SOURCE,
        ),
    ),
    clauses=(
        _MADE_UP,
        Clause(
            kind=ClauseKind.MEASUREMENT_METHOD,
            text=f"Synthetic tallies and samples from the fixed seed {SYNTHETIC_SEED}: they show the reckoning, not a "
            "service.",
        ),
    ),
    grace=timedelta(days=2),
)

CONTRACTS = (
    GITHUB_CONTRACT,
    GOOGLE_CONTRACT,
    CLOUDFLARE_CONTRACT,
    CORPORATE,
    FOR_ALPENHOF,
    FOR_THE_SHOP,
    HARBOURLIGHTS_SHOP,
    INTERNAL,
)
