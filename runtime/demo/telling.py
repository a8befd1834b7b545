"""The demo's account as people read it, in 100 columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import assert_never
from zoneinfo import ZoneInfo

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from domain.attainment import Status, TimeEvidence, shown, shown_target
from domain.breach import AtRisk, Breach, Confirmed, Open, RiskPassed, Severity, Withdrawn
from domain.calendars import ContractYearWindow, Every, RollingWindow, Window
from domain.metric import Metric
from domain.ratio import Direction, Ratio
from domain.spans import Span
from runtime.demo.account import Account, Verdict

WIDTH = 100
BREACHES_TOLD = 16
UNCONTRACTED_TOLD = 6

_STYLES = {
    Status.MET: "green",
    Status.BELOW_EXPECTED: "bold yellow",
    Status.MISSED: "bold red",
    Status.PENDING: "dim",
    Status.HELD: "magenta",
    Status.NOT_APPLICABLE: "dim",
}


def report(account: Account) -> Group:
    """What was recorded, the promises with the last finished period of each, and the newest breaches."""
    return Group(
        *_records(account), Text(), *_overview(account), Text(), *_latest(account), Text(), *_breaches(account)
    )


def _heading(text: str) -> Text:
    return Text(text, style="bold underline")


def _records(account: Account) -> Iterator[Text]:
    counts = account.counts
    yield _heading("Records")
    span = f"{account.first:%Y-%m-%d} to {account.last:%Y-%m-%d}"
    yield Text(f"{account.file}: {account.records} records of {span}, replayed as they became known.")
    yield Text(
        f"{counts.recorded} outages recorded, {counts.exclusions} exclusions for maintenance, {counts.duplicates} "
        f"duplicates without effect; {counts.points} synthetic measurements."
    )
    told = ", ".join(f"{each.code} ({each.records})" for each in account.uncontracted[:UNCONTRACTED_TOLD])
    more = len(account.uncontracted) - UNCONTRACTED_TOLD
    rest = f" and {more} components more" if more > 0 else ""
    yield Text(
        f"{account.not_under_contract} of the records are not under contract, and kept all the same: those of "
        f"{len(account.uncontracted)} components, most of them of {told}{rest}."
        if account.uncontracted
        else "All of the records are of components under contract."
    )


def _overview(account: Account) -> Iterator[RenderableType]:
    yield _heading(f"Promises: {len(account.finished)} finished periods")
    if not account.finished:
        return
    told = (Status.MET, Status.BELOW_EXPECTED, Status.MISSED, Status.HELD)
    table = _table(("agreement", 17), ("name", 46), *((_word(status), -len(_word(status)) - 1) for status in told))
    for agreement, verdicts in groupby(account.finished, key=lambda each: each.agreement):
        counts = Counter(each.attainment.status for each in verdicts)
        numbers = (Text(str(counts[status]), style=_STYLES[status] if counts[status] else "dim") for status in told)
        table.add_row(Text(agreement.code), Text(agreement.name), *numbers)
    yield table


def _latest(account: Account) -> Iterator[RenderableType]:
    yield _heading("The last finished period of each promise, or the first while it runs")
    shown_header = True
    for agreement, judged in groupby(account.latest, key=lambda each: each.agreement):
        kind = agreement.kind.value.upper()
        yield Text.assemble("\n", (f"{kind} {agreement.name}", "bold"), (f"  {agreement.code}", "dim"))
        for objective, verdicts in groupby(judged, key=lambda each: each.objective):
            found = list(verdicts)
            minimum = "" if objective.minimum is None else f"minimum {_shown(objective.minimum, found[0].metric)}; "
            yield Text(f"{objective.name}; {minimum}periods of {objective.window.zone}", style="dim")
            yield _promise(found, show_header=shown_header)
            shown_header = False
    if any(each.attainment.period.report_only for each in account.latest):
        yield Text("* told only, breaches nothing", style="dim")


def _promise(verdicts: Sequence[Verdict], *, show_header: bool) -> Table:
    table = _table(
        ("service", 21),
        ("period", 8),
        ("value", -13),
        ("target", -8),
        ("status", 16),
        ("down s", -8),
        ("excused s", -9),
        ("coverage", -9),
    )
    table.show_header = show_header
    for verdict in verdicts:
        table.add_row(*_cells(verdict))
    return table


def _cells(verdict: Verdict) -> tuple[Text, ...]:
    attainment, evidence = verdict.attainment, verdict.attainment.evidence
    down, excused = "", ""
    if isinstance(evidence, TimeEvidence):
        down, excused = _seconds(evidence.down_us), _seconds(evidence.excused_us)
    status = _word(attainment.status) + (" *" if attainment.period.report_only else "")
    return (
        Text(verdict.service.name),
        Text(label(verdict.objective.window, attainment.period.span)),
        Text("" if attainment.value is None else _value(attainment.value, verdict.metric)),
        Text(_shown(verdict.objective.expected, verdict.metric)),
        Text(status, style=_STYLES[attainment.status]),
        Text(down),
        Text(excused),
        Text("" if attainment.coverage is None else _percent(attainment.coverage)),
    )


def _breaches(account: Account) -> Iterator[RenderableType]:
    breached = account.breached
    states = [each.breach.state for each in breached if each.breach is not None]
    confirmed = sum(isinstance(state, Confirmed) for state in states)
    opened = sum(isinstance(state, Open) for state in states)
    withdrawn = len(states) - confirmed - opened
    yield _heading(f"Breaches: {len(breached)} ({confirmed} confirmed, {opened} open, {withdrawn} withdrawn)")
    table = _table(
        ("agreement", 17),
        ("service", 21),
        ("period", 8),
        ("value", -11),
        ("missed", -8),
        ("opened, UTC", 16),
        ("confirmed", 10),
    )
    for verdict in breached[: -BREACHES_TOLD - 1 : -1]:
        if verdict.breach is not None:
            table.add_row(*_breach_cells(verdict, verdict.breach))
    yield table
    risks = account.risks
    yield Text(
        f"Early warning: {risks.opened} of them were at risk before they opened; {risks.passed} more periods were at"
        f" risk and passed, {risks.running} are now.",
        style="dim",
    )
    if len(breached) > BREACHES_TOLD:
        more = f"The newest {BREACHES_TOLD}, and {len(breached) - BREACHES_TOLD} more"
        yield Text(f"{more}: ask for `breaches` in GraphQL, or see all with --json.", style="dim")


def _breach_cells(verdict: Verdict, breach: Breach) -> tuple[Text, ...]:
    objective, value = verdict.objective, verdict.attainment.value
    level = objective.expected if breach.severity is Severity.EXPECTED else objective.breach_level
    severe = "bold yellow" if breach.severity is Severity.EXPECTED else "bold red"
    return (
        Text(verdict.agreement.code),
        Text(verdict.service.name),
        Text(label(objective.window, breach.period)),
        Text("" if value is None else _value(value, verdict.metric), style=severe),
        Text(_shown(level, verdict.metric)),
        Text(f"{breach.opened_at:%Y-%m-%d %H:%M}"),
        Text(_state(breach)),
    )


def _state(breach: Breach) -> str:
    match breach.state:
        case Open():
            return "open"
        case Confirmed(since=since):
            return f"{since:%Y-%m-%d}"
        case Withdrawn():
            return "withdrawn"
        case AtRisk() | RiskPassed():
            raise AssertionError("what never opened is told apart")
        case _ as never:
            assert_never(never)


def _table(*columns: tuple[str, int]) -> Table:
    """Columns by name and width; a negative width is set to the right. Alike in every table, so that they line up."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")
    for name, width in columns:
        table.add_column(name, width=abs(width), justify="right" if width < 0 else "left", no_wrap=True)
    return table


def label(window: Window, span: Span) -> str:
    """The period as its zone names it: 2025-12, 2025-Q4, 2025, 2025/26; by its first day where it has no such name."""
    start = span.start.astimezone(ZoneInfo(window.zone))
    if isinstance(window, ContractYearWindow):
        end = span.end.astimezone(ZoneInfo(window.zone))
        return f"{start:%Y}" if (start.month, start.day) == (1, 1) else f"{start:%Y}/{end:%y}"
    if isinstance(window, RollingWindow) or window.anchor_day != 1:
        return f"{start:%Y-%m-%d}"
    match window.every:
        case Every.DAY:
            return f"{start:%Y-%m-%d}"
        case Every.WEEK:
            return f"{start:%G-W%V}"
        case Every.MONTH:
            return f"{start:%Y-%m}"
        case Every.QUARTER:
            return f"{start:%Y}-Q{(start.month + 2) // 3}"
        case Every.YEAR:
            return f"{start:%Y}"
        case _ as never:
            assert_never(never)


def _value(value: Ratio, metric: Metric) -> str:
    return f"{shown(value, metric):f} {unit_of(metric)}"


def _shown(target: Ratio, metric: Metric) -> str:
    return f"{shown_target(target, metric):f} {unit_of(metric)}"


def unit_of(metric: Metric) -> str:
    return "%" if metric.aggregation.is_share else metric.unit


def _percent(value: Ratio) -> str:
    exact = Ratio(value.numerator * 100, value.denominator).shown(Direction.AT_LEAST)
    return f"{exact.normalize():f} %"


def _word(status: Status) -> str:
    return status.value.replace("_", " ")


def _seconds(us: int) -> str:
    whole, part = divmod(us, 1_000_000)
    return f"{whole}.{part:06d}".rstrip("0") if part else str(whole)
