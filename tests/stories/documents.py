"""The documents that several stories send."""

from __future__ import annotations

CREATE_PARTY = "mutation ($input: CreatePartyInput!) { createParty(input: $input) { party { id } %s } }"
CREATE_METRIC = "mutation ($input: CreateMetricInput!) { createMetric(input: $input) { metric { id } %s } }"
CREATE_SERVICE = "mutation ($input: CreateServiceInput!) { createService(input: $input) { service { id } %s } }"
DRAFT = "mutation ($input: DraftAgreementInput!) { draftAgreement(input: $input) { agreement { id } %s } }"
ACTIVATE = "mutation ($input: ActivateAgreementInput!) { activateAgreement(input: $input) { agreement { id } %s } }"
RECORD_OUTAGES = (
    "mutation ($input: RecordOutagesInput!) { recordOutages(input: $input) { recordedCount duplicateCount %s } }"
)
RECORD_MEASUREMENTS = (
    "mutation ($input: RecordMeasurementsInput!)"
    " { recordMeasurements(input: $input) { recordedCount duplicateCount %s } }"
)
OUTAGES = "{ outages(first: 100) { totalCount nodes { externalId impact startedAt endedAt revision } } }"

USER_ERRORS = "userErrors { code message path }"

BREACH_EVENTS = """
subscription ($after: String, $filter: BreachEventFilter) {
  breachEvents(after: $after, filter: $filter) {
    __typename
    cursor
    ... on BreachEvent {
      transition severity agreementCode objectiveCode serviceCode value target period { start end }
    }
  }
}
"""


def mutation(document: str) -> str:
    return document % USER_ERRORS
