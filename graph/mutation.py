"""What can be changed: verbs of the field, each with one input and a payload of its own."""

from __future__ import annotations

import strawberry

from graph.agreement_mutations import AgreementMutations
from graph.case_mutations import CaseMutations
from graph.catalog_mutations import CatalogMutations
from graph.exclusion_mutations import ExclusionMutations
from graph.measurement_mutations import MeasurementMutations
from graph.outage_mutations import OutageMutations
from graph.state_mutations import StateMutations


@strawberry.type(
    description="What can be changed. What is wrong with an input is answered in `userErrors`; top-level errors are for"
    " credentials and roles, limits, and faults of the service."
)
class Mutation(
    CatalogMutations,
    AgreementMutations,
    OutageMutations,
    MeasurementMutations,
    StateMutations,
    CaseMutations,
    ExclusionMutations,
):
    pass
