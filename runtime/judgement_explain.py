"""How each verdict of `interpact judge` came to be: the tree of domain/explain.py, as lines and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from domain.explain import explain
from domain.explain_step import Step
from runtime.judging import Judgement, Verdict
from runtime.written import shown_instant


def explanation_lines(judgement: Judgement) -> Iterator[str]:
    """A tree for each verdict, in the order of the table, with an empty line before each."""
    for verdict in judgement.verdicts:
        span = verdict.attainment.period.span
        period = f"{shown_instant(span.start)} to {shown_instant(span.end)}"
        yield ""
        yield f"{verdict.promise.objective.code} of {verdict.service.code}, {period}"
        for depth, step in explained(judgement, verdict).walk():
            yield f"{'  ' * (depth + 1)}{_line(step)}"


def explanation_json(step: Step) -> Mapping[str, object]:
    """`key` is the step's own name; those of the steps below it are in `steps`. `exact` is a fraction, reduced."""
    value = step.value
    return {
        "key": step.key.rpartition(".")[2],
        "label": step.label,
        "value": None if step.shown is None else f"{step.shown:f}",
        "exact": None if value is None else {"numerator": value.numerator, "denominator": value.denominator},
        "unit": step.unit,
        "operation": None if step.operation is None else step.operation.value,
        "detail": step.detail,
        "steps": [explanation_json(below) for below in step.steps],
    }


def explained(judgement: Judgement, verdict: Verdict) -> Step:
    promise = verdict.promise
    return explain(verdict.attainment, judgement.terms.agreement, promise.objective, promise.metric)


def _line(step: Step) -> str:
    value = "" if step.shown is None else f" = {step.shown:f} {step.unit}".rstrip()
    how = f" [{step.operation.value}]" if step.operation is not None else ""
    detail = "" if step.detail is None else f" ({step.detail})"
    return f"{step.label}{value}{how}{detail}"
