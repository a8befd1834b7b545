"""How much of the processor another process has used."""

from __future__ import annotations

import os
from pathlib import Path


def milliseconds(pid: int) -> float:
    """User and system time, fields 14 and 15 of proc_pid_stat(5); the name before them may hold anything."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * 1_000 / os.sysconf("SC_CLK_TCK")
