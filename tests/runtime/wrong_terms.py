"""What can be wrong with a file of terms: the small file's text that is replaced, by what, and what is told then.

Each problem is told as `line:column: field: why`; several stand on lines of their own.
"""

SMALL = """\
agreement:
  code: hosting
  kind: uc
  provider: host
  starts: 2024-01-01
services:
  - code: web
metrics:
  - code: availability
    aggregation: availability
objectives:
  - code: uptime
    metric: availability
    expected: 99.9
    window: {every: month}
"""

WRONG: list[tuple[str, str, str]] = [
    (
        "expected: 99.9",
        "expected: 100.5",
        "14:15: objectives[0].expected: a target of a share is above 0 and at most 100 percent",
    ),
    (
        "expected: 99.9",
        "expected: 0",
        "14:15: objectives[0].expected: a target of a share is above 0 and at most 100 percent",
    ),
    (
        "expected: 99.9",
        "expected: 99.9 %",
        "14:15: objectives[0].expected: a number is written like 99.95, in at most 40 characters, not '99.9 %'",
    ),
    (
        "expected: 99.9",
        "expected: .nan",
        "14:15: objectives[0].expected: a number is written like 99.95, in at most 40 characters, not '.nan'",
    ),
    (
        "    expected: 99.9\n",
        "",
        "12:5: objectives[0].expected: expected is needed",
    ),
    (
        "expected: 99.9",
        "expected:",
        "14:14: objectives[0].expected: expected is needed",
    ),
    (
        "expected: 99.9",
        "expected: 99.9\n    minimum: 99.95",
        "15:14: objectives[0].minimum: the minimum level is no harder than the expected level",
    ),
    (
        "expected: 99.9",
        "expected: [99.9]",
        "14:15: objectives[0].expected: one value is needed here, not a list",
    ),
    (
        "expected: 99.9",
        "expected: 99.9\n    expected: 99",
        "15:5: objectives[0].expected: this field is there twice",
    ),
    (
        "expected: 99.9",
        "expected: 99.9\n    minimum_duration: 5 minutes",
        "15:23: objectives[0].minimum_duration: a duration is written like P5D, PT30M or P1DT12H, not '5 minutes'",
    ),
    (
        "expected: 99.9",
        "expected: 99.9\n    minimum_duration: P2D",
        "15:23: objectives[0].minimum_duration: a minimum duration is 0 to 1 day",
    ),
    (
        "expected: 99.9",
        "expected: 99.9\n    minimum_coverage: 101",
        "15:23: objectives[0].minimum_coverage: a minimum coverage is 0 to 100 percent",
    ),
    (
        "expected: 99.9",
        "expected: 99.9\n    missing: ignore",
        "15:14: objectives[0].missing: this is one of hold, excluded, bad, good, not 'ignore'",
    ),
    (
        "expected: 99.9",
        "expected: 99.9\n    target: 99",
        (
            "15:13: objectives[0].target: there is no such field here; known are code, name, metric, service, "
            "expected, minimum, window, importance, source, minimum_duration, granularity, missing, "
            "minimum_coverage, hours, low_volume, case_milestone, case_limit"
        ),
    ),
    (
        "metric: availability",
        "metric: latency",
        "13:13: objectives[0].metric: no metric 'latency' is listed under metrics; listed are availability",
    ),
    (
        "    window: {every: month}",
        "    window: {every: month}\n    service: mail",
        "16:14: objectives[0].service: no service 'mail' is listed under services; listed are web",
    ),
    (
        "{every: month}",
        "{every: fortnight}",
        "15:21: objectives[0].window.every: this is one of day, week, month, quarter, year, not 'fortnight'",
    ),
    (
        "{every: month}",
        "{every: month, zone: Europe/Atlantis}",
        "15:34: objectives[0].window.zone: no IANA time zone is named 'Europe/Atlantis'",
    ),
    (
        "{every: month}",
        "{every: week, anchor_day: 8}",
        "15:13: objectives[0].window: the anchor day of a week is 1 to 7, not 8",
    ),
    (
        "{every: month}",
        "{every: month, contract_year: {zone: UTC}}",
        (
            "15:13: objectives[0].window: a window is either a contract year, or rolling, "
            "or has every, zone and anchor_day"
        ),
    ),
    (
        "{every: month}",
        "{zone: UTC}",
        (
            "15:13: objectives[0].window: a window needs every (day, week, month, quarter or year), "
            "contract_year or rolling"
        ),
    ),
    (
        "{every: month}",
        "{rolling: {days: 400}}",
        "15:23: objectives[0].window.rolling: a rolling window has 1 to 366 days, not 400",
    ),
    (
        "{every: month}",
        "{every: month}\n    hours: {weekly: {monday: [8-17]}}",
        (
            "16:30: objectives[0].hours.weekly.monday: a stretch of a day is written like 08:00-17:30, up to 24:00, "
            "not '8-17'"
        ),
    ),
    (
        "{every: month}",
        "{every: month}\n    hours: {weekly: {monday: [08:00-25:00]}}",
        "16:21: objectives[0].hours.weekly: a stretch of a day begins and ends from 00:00 to 24:00, in order",
    ),
    (
        "{every: month}",
        "{every: month}\n    hours: {weekly: {}}",
        "16:21: objectives[0].hours.weekly: service hours are open at some time of the week",
    ),
    (
        "{every: month}",
        "{every: month}\nexclusion_terms:\n  - kind: agreed",
        "17:5: exclusion_terms[0].notice: terms of exclusions name a notice, a yearly cap, or both",
    ),
    (
        "{every: month}",
        "{every: month}\nrecurring:\n  - {rule: FREQ=DAILY, starts: 2024-01-01T02:00, duration: PT1H, kind: agreed}",
        "17:3: recurring: a recurrence without end: give COUNT or UNTIL, or the agreement an end",
    ),
    (
        "{every: month}",
        "{every: month}\nrecurring:\n  - {rule: FREQ=MINUTELY, starts: 2024-01-01T02:00, duration: PT1H, kind: agreed}",
        "17:12: recurring[0].rule: FREQ is HOURLY, DAILY, WEEKLY, MONTHLY or YEARLY",
    ),
    (
        "{every: month}",
        "month",
        "15:13: objectives[0].window: fields are needed here, not the value 'month'",
    ),
    (
        "aggregation: availability",
        "aggregation: availability\n    direction: at_most",
        "11:16: metrics[0].direction: availability is promised as at least a share",
    ),
    (
        "aggregation: availability",
        "aggregation: availability\n    weights: {major: 1.5}",
        "11:14: metrics[0].weights: a weight lies in [0, 1], with at most 6 decimals",
    ),
    (
        "aggregation: availability",
        "aggregation: availability\n    weights: {major: 1, major: 0.5}",
        "11:25: metrics[0].weights.major: this field is there twice",
    ),
    (
        "aggregation: availability",
        "aggregation: availability\n    weights: {major: much}",
        "11:22: metrics[0].weights.major: a number is written like 99.95, in at most 40 characters, not 'much'",
    ),
    (
        "aggregation: availability",
        "aggregation: availability\n    weights: {maintenance: 0}",
        "11:14: metrics[0].weights: maintenance is an exclusion, never an outage",
    ),
    (
        "aggregation: availability",
        "aggregation: availability\n    grid: PT10M",
        "11:11: metrics[0].grid: a grid is a multiple of 15 minutes that divides a day",
    ),
    (
        "aggregation: availability",
        "aggregation: mean_of_slices",
        "9:5: metrics[0].slice: mean_of_slices says how long its slices are",
    ),
    (
        "aggregation: availability",
        "aggregation: mean_of_slices\n    slice: PT7M",
        "11:12: metrics[0].slice: a slice is a minute or longer and divides a day",
    ),
    (
        "aggregation: availability",
        "aggregation: good_slices\n    shape: outage\n    slice: PT5M\n    slice_target: 99",
        "11:12: metrics[0].shape: good_slices is of tally facts or sample facts",
    ),
    (
        "aggregation: availability",
        "aggregation: percentile\n    percentile: 101",
        "11:17: metrics[0].percentile: a percentile is above 0 and at most 100",
    ),
    (
        "expected: 99.9",
        "expected: 99.9\n    low_volume: one_miss",
        "15:17: objectives[0].low_volume: availability is no share of counts, which alone tolerates a miss",
    ),
    (
        "aggregation: availability",
        "aggregation: median",
        (
            "10:18: metrics[0].aggregation: this is one of availability, ratio_of_sums, mean_of_slices, good_slices, "
            "mean, minimum, maximum, sum, count, percentile, cases_within, not 'median'"
        ),
    ),
    (
        "code: web",
        "code: Web Site",
        "7:11: services[0].code: a code is 1 to 80 of a-z, 0-9 and ._/- and starts and ends with a letter or digit",
    ),
    (
        "code: web",
        "code: web\n  - code: web",
        "8:11: services[1].code: the code web is there twice",
    ),
    (
        "code: web",
        "code: web\n    structure: {all_of: [web]}",
        "8:16: services[0].structure: the structure has a cycle: web > web",
    ),
    (
        "code: web",
        "code: web\n    structure: {all_of: [data]}\n  - code: data\n    structure: {any_of: [web]}",
        "8:16: services[0].structure: the structure has a cycle: web > data > web",
    ),
    (
        "code: web",
        "code: web\n    structure: {all_of: [data, base]}\n  - code: data",
        "8:32: services[0].structure.all_of[1]: no service 'base' is listed under services; listed are web, data",
    ),
    (
        "code: web",
        "code: web\n    structure: {k_of_n: {k: 2, of: [data]}}\n  - code: data",
        "8:25: services[0].structure.k_of_n: k_of_n needs k between 1 and its 1 parts, not 2",
    ),
    (
        "code: web",
        "code: web\n    structure: {any_of: [data], all_of: [data]}\n  - code: data",
        "8:16: services[0].structure: a structure is the code of a service, or one of all_of, any_of, k_of_n",
    ),
    (
        "code: web",
        "code: web\n    structure: {any_of: []}",
        "8:25: services[0].structure.any_of: 1 to 200 entries belong here, not 0",
    ),
    (
        "code: web",
        "code: web\n    structure: [{any_of: [data]}, {any_of: [data]}]\n  - code: data",
        "8:35: services[0].structure[1].effective_from: effective_from is needed",
    ),
    (
        "code: web",
        (
            "code: web\n    structure:\n      - {effective_from: 2024-02-01, any_of: [data]}\n      - "
            "{effective_from: 2024-02-01, any_of: [data]}\n  - code: data"
        ),
        "10:26: services[0].structure[1].effective_from: a structure takes effect after the one before it",
    ),
    (
        "code: web",
        "code: web\n    records: [{service: W}]\n    structure: {any_of: [data]}\n  - code: data",
        "8:14: services[0].records: records are about a service that is measured by itself; this one has a structure",
    ),
    (
        "code: web",
        "code: web\n    records: [{vendor: V, service: W}, {vendor: V, service: W}]",
        "8:40: services[0].records[1]: these records are named twice",
    ),
    (
        "code: web",
        "code: web\n    records: [{vendor: V}]",
        "8:15: services[0].records[0].service: service is needed",
    ),
    (
        "kind: uc",
        "kind: contract",
        "3:9: agreement.kind: this is one of sla, ola, uc, not 'contract'",
    ),
    (
        "starts: 2024-01-01",
        "starts: 2024-01-01T09:00:00",
        "5:11: agreement.starts: an instant needs an offset from UTC, such as Z, which '2024-01-01T09:00:00' lacks",
    ),
    (
        "starts: 2024-01-01",
        "starts: 2024-02-30",
        "5:11: agreement.starts: there is no date '2024-02-30'",
    ),
    (
        "starts: 2024-01-01",
        "starts: 1066-10-14",
        "5:11: agreement.starts: a date lies from 1990 to 2200",
    ),
    (
        "starts: 2024-01-01",
        "starts: 2024-01-01\n  ends: 2023-01-01",
        "6:9: agreement.ends: an agreement ends after it starts",
    ),
    (
        "provider: host",
        "provider: host\n  customer: host",
        "5:13: agreement.customer: a party makes no agreement with itself",
    ),
    (
        "provider: host",
        "provider: host\n  service: mail",
        "5:12: agreement.service: no service 'mail' is listed under services; listed are web",
    ),
    (
        "services:",
        "exclusions: [{kind: agreed, start: 2024-02-02, end: 2024-02-02}]\nservices:",
        "6:53: exclusions[0].end: an exclusion ends after it starts",
    ),
    (
        "services:",
        "grace: P93D\nservices:",
        "6:8: grace: a grace is 0 to 92 days",
    ),
    (
        "services:",
        "judge_partial_periods: maybe\nservices:",
        "6:24: judge_partial_periods: this is true or false, not 'maybe'",
    ),
    (
        "services:\n  - code: web\n",
        "",
        "1:1: services: services is needed",
    ),
    (
        "services:",
        "services: &web",
        "6:11: anchors and aliases are not taken",
    ),
    (
        "code: web",
        "code: *web",
        "7:11: anchors and aliases are not taken",
    ),
    (
        "code: web",
        "code: !!python/object:os.system web",
        "7:11: tags are not taken",
    ),
    (
        "code: web",
        "code: web\n---\n",
        "10:1: one document is taken, and here a second starts",
    ),
    (
        "code: web",
        "code: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
        "7:48: at most 40 levels are taken",
    ),
    ("code: web", "code: web\n  <<: {code: mail}", "8:3: expected <block end>, but found '?'"),
    ("code: web", "code: {web", "8:8: expected ',' or '}', but got ':'"),
]
