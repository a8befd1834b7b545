"""Zones whose clocks do odd things, with the days on which they do, and a plain reading of the wall clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

ODD_DAYS = {
    "Europe/Madrid": ["2024-03-31", "2024-10-27"],
    "America/New_York": ["2025-03-09", "2025-11-02"],
    "Australia/Lord_Howe": ["2024-04-06", "2024-10-05"],  # half an hour
    "Asia/Kathmandu": ["2024-05-01"],  # a quarter of an hour off
    "Africa/Cairo": ["2024-04-25", "2024-10-31"],  # at midnight
    "America/Havana": ["2024-03-10", "2024-11-03"],  # at midnight
    "Pacific/Apia": ["2011-12-29", "2011-12-30", "2012-04-01"],  # the 30th was skipped
}
"""By zone, days in UTC near which something happens."""

zones = st.sampled_from(sorted(ODD_DAYS))


@st.composite
def odd_instants(draw: st.DrawFn, zone: str) -> datetime:
    """Within two days of something odd, on a whole minute."""
    day = datetime.fromisoformat(draw(st.sampled_from(ODD_DAYS[zone]))).replace(tzinfo=UTC)
    return day + timedelta(minutes=draw(st.integers(-1 * 1440, 2 * 1440)))


def wall(instant: datetime, zone: str) -> datetime:
    """What the zone's clock on the wall reads at the instant."""
    return instant.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
