"""Writes mends that are certain: edits of the text that change nothing else, shown as a diff."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path

from stepwell.check.rules import Finding
from stepwell.check.sources import Edit


def mended(folder: Path, findings: Iterable[Finding]) -> dict[str, tuple[str, str]]:
    """The files that certain mends change: their text before and after. A mend that overlaps one before
    it is left for the next time."""
    chosen: dict[str, list[Edit]] = {}
    for finding in findings:
        edits = finding.edits
        if edits and not any(_overlap(edit, other) for edit in edits for other in chosen.get(edit.file, ())):
            for edit in edits:
                chosen.setdefault(edit.file, []).append(edit)
    changed = {}
    for file, all_edits in chosen.items():
        before = (folder / file).read_bytes().decode("utf-8")
        after = applied(before, all_edits)
        if after != before:
            changed[file] = (before, after)
    return changed


def _overlap(one: Edit, other: Edit) -> bool:
    if one.file != other.file:
        return False
    if one.start == one.end and other.start == other.end:
        return one.start == other.start and one.text == other.text
    return one.start < other.end and other.start < one.end


def applied(text: str, edits: Iterable[Edit]) -> str:
    """The text with all edits made; a byte order mark in front isn't counted."""
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    text = text.removeprefix(mark) if mark else text
    for edit in sorted(edits, key=lambda each: (each.start, each.end), reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return mark + text


def diff(changed: Mapping[str, tuple[str, str]]) -> str:
    """The changes as a unified diff."""
    lines: list[str] = []
    for file, (before, after) in sorted(changed.items()):
        lines += difflib.unified_diff(
            before.splitlines(keepends=True), after.splitlines(keepends=True), f"a/{file}", f"b/{file}"
        )
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
    )
