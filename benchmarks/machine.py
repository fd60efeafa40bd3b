"""Where and when a measurement was made."""

import os
import platform
import re
from datetime import UTC, datetime
from pathlib import Path


def describe() -> str:
    """Date, processor, memory and Python, in one line."""
    processor = _found("/proc/cpuinfo", r"model name\s*: (.*)") or platform.machine()
    memory = int(_found("/proc/meminfo", r"MemTotal:\s+(\d+)") or 0) / 1024**2
    today = datetime.now(UTC).date().isoformat()
    return f"{today}, {os.cpu_count()} x {processor}, {memory:.0f} GiB, Python {platform.python_version()}"


def _found(path: str, pattern: str) -> str | None:
    try:
        found = re.search(pattern, Path(path).read_text())
    except OSError:
        return None
    return found[1] if found else None
