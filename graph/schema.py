"""The schema: what can be asked, changed and followed."""

from __future__ import annotations

import strawberry
from strawberry.schema.config import StrawberryConfig

from graph.calendar_scalars import CALENDAR_SCALARS
from graph.evidence import CaseEvidence, PercentileEvidence, SampleEvidence, SliceEvidence, TallyEvidence, TimeEvidence
from graph.executing import Execution
from graph.mutation import Mutation
from graph.objective import CalendarWindow, ContractYearWindow, RollingWindow
from graph.query import Query
from graph.scalars import SCALAR_MAP
from graph.subscription import AttainmentRestated, BreachEvent, Heartbeat, Subscription
from graph.user_errors import ConflictError, InvalidInputError, NotFoundError

UNNAMED = (
    *(InvalidInputError, NotFoundError, ConflictError),
    *(CalendarWindow, ContractYearWindow, RollingWindow),
    *(CaseEvidence, TimeEvidence, TallyEvidence, SampleEvidence, SliceEvidence, PercentileEvidence),
    *(AttainmentRestated, BreachEvent, Heartbeat),
)
"""Types that no field names: only the interfaces that they implement are."""

schema = strawberry.Schema(
    query=Query,
    mutation=Mutation,
    subscription=Subscription,
    types=UNNAMED,
    config=StrawberryConfig(scalar_map={**SCALAR_MAP, **CALENDAR_SCALARS}),
    execution_context_class=Execution,
)


def schema_text() -> str:
    """In the schema definition language, as it is kept in `graph/schema.graphql`."""
    return f"{schema.as_str()}\n"
