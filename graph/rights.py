"""Which action of the policy (domain/policy.py) each part of the schema needs. What is not listed here is nobody's.

Root fields are checked by `admitted`; nodes where they are looked up by id; all others by the loader or list that reads
them, which carries the same action. tests/graph/test_rights.py fails for a part of the schema that these tables lack.
"""

from __future__ import annotations

from collections.abc import Mapping

from domain.errors import Forbidden
from domain.policy import Action
from graph.desk import Desk, Info, desk

ROOT_FIELDS: Mapping[str, Action] = {
    "viewer": Action.READ_SELF,
    "node": Action.READ_NODES,
    "nodes": Action.READ_NODES,
    "parties": Action.READ_PARTIES,
    "metrics": Action.READ_METRICS,
    "services": Action.READ_SERVICES,
    "agreements": Action.READ_AGREEMENTS,
    "effectiveObjectives": Action.READ_AGREEMENTS,
    "outages": Action.READ_FACTS,
    "cases": Action.READ_FACTS,
    "exclusions": Action.READ_EXCLUSIONS,
    "proposedHolidays": Action.MANAGE_AGREEMENTS,
    "attainments": Action.READ_VERDICTS,
    "breaches": Action.READ_VERDICTS,
    "auditEntries": Action.READ_AUDIT,
    "breachEvents": Action.FOLLOW_BREACHES,
    "createParty": Action.MANAGE_PARTIES,
    "createMetric": Action.MANAGE_METRICS,
    "createService": Action.MANAGE_SERVICES,
    "changeServiceStructure": Action.MANAGE_SERVICES,
    "draftAgreement": Action.MANAGE_AGREEMENTS,
    "amendAgreement": Action.MANAGE_AGREEMENTS,
    "activateAgreement": Action.MANAGE_AGREEMENTS,
    "recordOutages": Action.RECORD_OUTAGES,
    "withdrawOutages": Action.RECORD_OUTAGES,
    "recordMeasurements": Action.RECORD_MEASUREMENTS,
    "withdrawMeasurements": Action.RECORD_MEASUREMENTS,
    "recordCases": Action.RECORD_CASES,
    "withdrawCases": Action.RECORD_CASES,
    "recordStates": Action.RECORD_MEASUREMENTS,
    "withdrawStates": Action.RECORD_MEASUREMENTS,
    "recordExclusion": Action.RECORD_EXCLUSIONS,
    "withdrawExclusion": Action.RECORD_EXCLUSIONS,
}
"""By the name of the field: no two of Query, Mutation and Subscription have the same."""

TYPES: Mapping[str, Action] = {
    "Party": Action.READ_PARTIES,
    "Metric": Action.READ_METRICS,
    "Service": Action.READ_SERVICES,
    "Agreement": Action.READ_AGREEMENTS,
    "Objective": Action.READ_AGREEMENTS,
    "EffectiveObjective": Action.READ_AGREEMENTS,
    "Stream": Action.READ_FACTS,
    "Outage": Action.READ_FACTS,
    "Case": Action.READ_FACTS,
    "ExplainedFact": Action.READ_FACTS,
    "Exclusion": Action.READ_EXCLUSIONS,
    "Attainment": Action.READ_VERDICTS,
    "Breach": Action.READ_VERDICTS,
    "AuditEntry": Action.READ_AUDIT,
    "BreachEvent": Action.FOLLOW_BREACHES,
    "AttainmentRestated": Action.FOLLOW_BREACHES,
    "Heartbeat": Action.FOLLOW_BREACHES,
    "ProposedHoliday": Action.MANAGE_AGREEMENTS,
    "Viewer": Action.READ_SELF,
}
"""The types whose values are read on their own. Who may read one sees all of its fields; what such a field leads to is
seen by its own type's action."""

PARTS: Mapping[str, str] = {
    "AgreementVersion": "Agreement",
    "Clause": "Agreement",
    "CalendarWindow": "Objective",
    "ContractYearWindow": "Objective",
    "RollingWindow": "Objective",
    "ServiceHours": "Objective",
    "DayHours": "Objective",
    "ExclusionTerms": "Agreement",
    "RecurringExclusion": "Agreement",
    "SetAside": "Attainment",
    "ExclusionUsed": "Attainment",
    "OverriddenObjective": "EffectiveObjective",
    "ImpactWeight": "Metric",
    "ServiceStructure": "Service",
    "StructureNode": "Service",
    "StructureVersion": "Service",
    "AttainmentRevision": "Attainment",
    "AttainmentAsOf": "Attainment",
    "Explanation": "Attainment",
    "ExplanationStep": "Attainment",
    "Quantity": "Attainment",
    "Ratio": "Attainment",
    "AgreementAsOf": "Agreement",
    "TimeEvidence": "Attainment",
    "TallyEvidence": "Attainment",
    "SampleEvidence": "Attainment",
    "SliceEvidence": "Attainment",
    "PercentileEvidence": "Attainment",
    "Confidence": "Attainment",
    "ErrorBudget": "Attainment",
    "Risk": "Breach",
    "OutageUsed": "Attainment",
    "StateUsed": "Attainment",
    "CaseEvidence": "Attainment",
    "CaseUsed": "Attainment",
    "CasePause": "Case",
    "AuditSubject": "AuditEntry",
}
"""The types whose values are seen with the value that they are part of. An outage that was used tells no more than
when it was: who reported it is read as a fact."""

CARRIED: frozenset[str] = frozenset({"Attainment.objective", "Attainment.agreement", "Objective.metric"})
"""Fields that show a value of another action to all who see theirs: a verdict says nothing without its promise, nor a
promise without its metric."""


def admitted(info: Info) -> Desk:
    """The desk of an actor who may ask for this root field; asked before anything else is looked at."""
    found = desk(info)
    action = ROOT_FIELDS.get(info.field_name)
    try:
        if action is None:
            raise Forbidden(f"nobody may ask for {info.field_name}")
        found.actor.must(action)
    except Forbidden as error:
        info.context.refused.add((info.field_name, error.code))
        raise
    return found


def must_see(at: Desk, type_name: str) -> None:
    """Raises Forbidden where the actor may not read nodes of the type."""
    action = TYPES.get(type_name)
    if action is None:
        raise Forbidden(f"nobody may ask for a {type_name}")
    at.actor.must(action)
