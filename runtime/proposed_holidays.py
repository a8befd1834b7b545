"""Holidays as the library `holidays` knows them: proposals, for a person to check before they become terms."""

from __future__ import annotations

import re
from datetime import date

import holidays

from domain.errors import Invalid, OutOfRange
from domain.hours import Holiday

YEARS_MAX = 10
_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)
_SUBDIVISION = re.compile(r"[A-Za-z0-9-]{1,10}", re.ASCII)


def proposed_holidays(country: str, subdivision: str | None, since: date, until: date) -> tuple[Holiday, ...]:
    """In order, from `since` to before `until`. Raises Invalid for a country or subdivision that is not known.

    Countries are codes of ISO 3166-1, subdivisions of ISO 3166-2 without the country.
    """
    if until <= since:
        raise OutOfRange("the dates end after they begin", path=("until",))
    if until.year - since.year >= YEARS_MAX:
        raise OutOfRange(f"the dates are of at most {YEARS_MAX} years", path=("until",))
    if not _COUNTRY.fullmatch(country) or country not in holidays.list_supported_countries(include_aliases=False):
        raise Invalid("no holidays are known of this country: give its two letters, such as AT", path=("country",))
    known = holidays.list_supported_countries(include_aliases=False)[country]
    if subdivision is not None and (not _SUBDIVISION.fullmatch(subdivision) or subdivision not in known):
        told = f"; known are {', '.join(known)}" if known else ""
        raise Invalid(f"no holidays are known of this subdivision{told}", path=("subdivision",))
    years = range(since.year, until.year + 1)
    # Named in the country's own language: left to itself the library takes that of the process.
    language = holidays.country_holidays(country).default_language
    found = holidays.country_holidays(country, subdiv=subdivision, years=years, language=language)
    return tuple(Holiday(date=day, name=str(name)[:200]) for day, name in sorted(found.items()) if since <= day < until)
