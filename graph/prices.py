"""What the fields of our schema count as, where their types do not tell: see `graph/cost.py` and docs/graphql.md."""

from __future__ import annotations

from collections.abc import Mapping

from domain.agreement import CLAUSES_MAX, OBJECTIVES_MAX
from domain.aside import EXCLUSIONS_TOLD_MAX
from domain.attainment import CASES_TOLD_MAX, OUTAGES_TOLD_MAX
from domain.recurrence import RECURRENCES_MAX

LEAVES_PER_UNIT = 10
"""So many scalars of one object cost as much as an object."""
MUTATION = 10
"""A mutation, beside what its payload shows: its transaction, and the verdicts that follow from it."""
ITEMS_PER_UNIT = 5
"""So many points or lines of a mutation's input cost 1."""
TOTAL_COUNT = 10
"""`totalCount` reads the whole list."""
COMPUTED: Mapping[str, int] = {
    "Attainment.asOf": 10,
    "Attainment.explanation": 20,
    "Agreement.asOf": 5,
    "ExplanationStep.facts": 5,
}
"""Fields that are not read but computed anew, beside what they show."""
INTROSPECTION = 1_000
"""`__schema` and `__type`, whatever is asked of them: the schema bounds the answer."""

ROWS = ("edges", "nodes")
PAGE_SIZES: Mapping[str, int] = {"first": 50, "last": 50}
"""The arguments that say how long a page is, and how long it is without them."""

LISTED_BY: Mapping[str, str] = {"Query.nodes": "ids"}
"""Lists with one item for each item of an argument."""

COUNTED_AS_DEFAULT = 10

COUNTED_AS: Mapping[str, int] = {
    "Agreement.versions": 10,
    "AgreementVersion.objectives": OBJECTIVES_MAX // 2,
    "AgreementVersion.clauses": CLAUSES_MAX // 2,
    "AgreementVersion.exclusionTerms": 5,
    "AgreementVersion.recurring": RECURRENCES_MAX // 2,
    "ServiceHours.weekly": 7,
    "SetAside.exclusions": EXCLUSIONS_TOLD_MAX // 2,
    "Query.proposedHolidays": 50,
    "AgreementAsOf.versions": 10,
    "Attainment.revisions": 10,
    "Explanation.steps": 30,
    "TimeEvidence.outages": OUTAGES_TOLD_MAX // 2,
    "TimeEvidence.states": OUTAGES_TOLD_MAX // 2,
    "CaseEvidence.cases": CASES_TOLD_MAX // 2,
    "Case.pauses": 5,
    "Metric.weights": 5,
    "Service.structureVersions": 10,
    "ServiceStructure.nodes": 20,
    "Service.consumers": 10,
    "Query.effectiveObjectives": OBJECTIVES_MAX // 2,
    "EffectiveObjective.overrides": 4,
    "AuditEntry.subjects": 10,
}
"""Lists without a page: half of what bounds them, or fewer where hardly any list is so long. Full lists within full
lists are rare, and an agreement with all its terms must be readable. A test finds what lacks."""
