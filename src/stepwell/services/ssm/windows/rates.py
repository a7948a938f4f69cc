"""Rate control: how many at once, and after how many failures no more begin."""

from __future__ import annotations


def most(text: str, targets: int) -> int:
    """MaxConcurrency or MaxErrors as a number; percentages are of the targets, parts are rounded up."""
    if not text.endswith("%"):
        return int(text)
    return -(-int(text[:-1]) * targets // 100)


def at_once(text: str, targets: int) -> int:
    """How many targets may be under way at the same time: one at least."""
    return max(1, most(text, targets))
