"""How much memory a process took."""

from pathlib import Path


def peak_memory(pid: int) -> float:
    """MiB of the largest resident size of a process so far."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0
