"""What a metric may say of its facts, its percentile and its slices."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from domain.errors import Invalid
from domain.metric import Aggregation, Metric, Shape
from domain.ratio import Direction, Ratio
from tests.builders import a_metric

MINUTE = timedelta(minutes=1)
FIVE = timedelta(minutes=5)


def of_slices(**changed: Any) -> Metric:
    return a_metric(Aggregation.MEAN_OF_SLICES, **{"slice": FIVE, **changed})


def good_slices(**changed: Any) -> Metric:
    return a_metric(Aggregation.GOOD_SLICES, **{"slice": FIVE, "slice_target": "99", **changed})


def test_each_aggregation_says_of_which_facts_it_is() -> None:
    assert {each: each.shapes for each in Aggregation} == {
        Aggregation.AVAILABILITY: (Shape.OUTAGE, Shape.STATE),
        Aggregation.RATIO_OF_SUMS: (Shape.TALLY,),
        Aggregation.MEAN_OF_SLICES: (Shape.TALLY,),
        Aggregation.GOOD_SLICES: (Shape.TALLY, Shape.SAMPLE),
        Aggregation.MEAN: (Shape.SAMPLE,),
        Aggregation.MINIMUM: (Shape.SAMPLE,),
        Aggregation.MAXIMUM: (Shape.SAMPLE,),
        Aggregation.SUM: (Shape.SAMPLE,),
        Aggregation.COUNT: (Shape.SAMPLE,),
        Aggregation.PERCENTILE: (Shape.SAMPLE,),
        Aggregation.CASES_WITHIN: (Shape.CASE,),
    }


def test_the_level_of_a_slice_is_a_share_of_tallies_and_a_value_of_samples() -> None:
    assert good_slices(slice_target="99.5").slice_level == Ratio.percent("99.5")
    assert good_slices(shape=Shape.SAMPLE, slice_target="231.5").slice_level == Ratio.of("231.5")
    assert of_slices().slice_level is None


@pytest.mark.parametrize("length", [MINUTE, FIVE, timedelta(minutes=45), timedelta(hours=8), timedelta(days=1)])
def test_a_slice_is_a_minute_or_longer_and_divides_a_day(length: timedelta) -> None:
    assert of_slices(slice=length).slice == length


REFUSED: list[tuple[str, str, Aggregation, dict[str, Any]]] = [
    ("facts of another shape", "shape", Aggregation.MEAN, {"shape": Shape.TALLY}),
    ("no percentile", "percentile", Aggregation.PERCENTILE, {}),
    ("a percentile of a mean", "percentile", Aggregation.MEAN, {"percentile": "95"}),
    *(
        (f"percentile {text}", "percentile", Aggregation.PERCENTILE, {"percentile": text})
        for text in ("0", "-1", "100.1", "NaN", "sNaN", "Infinity", "99.9999999", "1E-999999")
    ),
    ("no slice", "slice", Aggregation.MEAN_OF_SLICES, {}),
    ("slices of a mean", "slice", Aggregation.MEAN, {"slice": FIVE}),
    *(
        (f"slice {length}", "slice", Aggregation.MEAN_OF_SLICES, {"slice": length})
        for length in (
            timedelta(seconds=59),
            timedelta(minutes=7),
            timedelta(days=2),
            timedelta(0),
            -FIVE,
            FIVE + timedelta(microseconds=1),
        )
    ),
    ("no slice target", "sliceTarget", Aggregation.GOOD_SLICES, {"slice": FIVE}),
    ("a slice target of a mean", "sliceTarget", Aggregation.MEAN_OF_SLICES, {"slice": FIVE, "slice_target": "99"}),
    *(
        (f"slice target {text}", "sliceTarget", Aggregation.GOOD_SLICES, {"slice": FIVE, "slice_target": text})
        for text in ("100.1", "-1", "NaN", "Infinity", "1E-999999", "9" * 29)
    ),
    ("a direction of no target", "sliceDirection", Aggregation.MEAN, {"slice_direction": Direction.AT_MOST}),
    ("slices as at most", "direction", Aggregation.MEAN_OF_SLICES, {"slice": FIVE, "direction": Direction.AT_MOST}),
    ("staleness of samples", "staleness", Aggregation.MEAN, {"staleness": MINUTE}),
    ("staleness of outages", "staleness", Aggregation.AVAILABILITY, {"staleness": MINUTE}),
    *(
        (f"staleness {limit}", "staleness", Aggregation.AVAILABILITY, {"shape": Shape.STATE, "staleness": limit})
        for limit in (timedelta(milliseconds=999), timedelta(days=31, microseconds=1))
    ),
]


@pytest.mark.parametrize(("path", "aggregation", "said"), [each[1:] for each in REFUSED], ids=[r[0] for r in REFUSED])
def test_what_does_not_fit_the_aggregation_is_refused_at_its_field(
    path: str, aggregation: Aggregation, said: dict[str, Any]
) -> None:
    with pytest.raises(Invalid) as refused:
        a_metric(aggregation, **said)
    assert refused.value.path == (path,)
