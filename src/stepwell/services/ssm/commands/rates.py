"""MaxConcurrency and MaxErrors: numbers of targets, or percentages of all."""

from __future__ import annotations


def concurrency(text: str, targets: int) -> int:
    """How many may run at once: at least one."""
    if text.endswith("%"):
        return max(1, -(-targets * int(text[:-1]) // 100))
    return max(1, int(text))


def tolerated(text: str, targets: int) -> int:
    """How many may fail before no further one begins."""
    if text.endswith("%"):
        return targets * int(text[:-1]) // 100
    return int(text)
