"""Edits of a dict's or a call's entries that leave the rest of the text as it stands."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from stepwell.check.sources import Edit, Place, Source


def _entries(source: Source) -> Iterator[tuple[Place, int, ast.expr]]:
    """All entries: where they begin, that as an offset, and their values."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if key is not None:
                    yield source.place(key), source.span(key)[0], value
        elif isinstance(node, ast.Call):
            for keyword in node.keywords:
                if keyword.arg is not None:
                    place = source.place(keyword)
                    yield place, source.at(place), keyword.value


def removed(source: Source, place: Place) -> Edit | None:
    """The edit that takes the entry at `place` away, with its comma and the line that it has to itself."""
    found = next((entry for entry in _entries(source) if entry[0] == place), None)
    if found is None:
        return None
    text, start, end = source.text, found[1], source.span(found[2])[1]
    while text[end : end + 1] in (" ", "\t"):
        end += 1
    comma = text[end : end + 1] == ","
    end += comma
    line_start = text.rfind("\n", 0, start) + 1
    line_end = text.find("\n", end)
    line_end = len(text) if line_end < 0 else line_end + 1
    behind = text[end:line_end].strip()
    if not text[line_start:start].strip() and (not behind or behind.startswith("#")):
        return Edit(file=source.file, start=line_start, end=line_end, text="")
    if comma:
        while text[end : end + 1] == " ":
            end += 1
        if text[end : end + 1] in ("\n", "\r"):
            start = len(text[:start].rstrip(" "))
    else:
        before = text[:start].rstrip()
        start = len(before) - 1 if before.endswith(",") else start
    return Edit(file=source.file, start=start, end=end, text="")


def added(source: Source, call: ast.Call, argument: str) -> Edit | None:
    """The edit that gives a call one more keyword argument, behind its last."""
    last = max(
        (source.span(each)[1] for each in (*call.args, *(each.value for each in call.keywords))), default=None
    )
    if last is None:
        return None
    final = call.keywords[-1] if call.keywords else None
    alone = final is not None and final.lineno != call.lineno
    indent = ""
    if alone and final is not None:
        start = source.at(source.place(final))
        indent = source.text[source.text.rfind("\n", 0, start) + 1 : start]
    if alone and not indent.strip():
        line_end = source.text.find("\n", last)
        if line_end >= 0 and re.fullmatch(r"\s*,\s*(#.*)?", source.text[last:line_end]):
            return Edit(file=source.file, start=line_end, end=line_end, text=f"\n{indent}{argument},")
        return Edit(file=source.file, start=last, end=last, text=f",\n{indent}{argument}")
    return Edit(file=source.file, start=last, end=last, text=f", {argument}")


def listed(source: Source, place: Place) -> tuple[Edit, ...]:
    """The edits that write the dict at `place` as a list of `{"name": ..., "values": [...]}`."""
    node = next(
        (
            each
            for each in ast.walk(source.tree)
            if isinstance(each, ast.Dict) and source.place(each) == place
        ),
        None,
    )
    if node is None or not node.keys or any(key is None for key in node.keys):
        return ()
    start, end = source.span(node)
    edits = [
        Edit(file=source.file, start=start, end=start + 1, text="["),
        Edit(file=source.file, start=end - 1, end=end, text="]"),
    ]
    for key, value in zip(node.keys, node.values, strict=True):
        assert key is not None
        at = source.span(key)[0]
        edits.append(Edit(file=source.file, start=at, end=at, text='{"name": '))
        begin, finish = source.span(value)
        colon = source.text.find(":", source.span(key)[1], begin)
        single = isinstance(value, ast.Constant | ast.JoinedStr)
        edits.append(Edit(file=source.file, start=colon, end=colon + 1, text=', "values":'))
        if single:
            edits.append(Edit(file=source.file, start=begin, end=begin, text="["))
        edits.append(Edit(file=source.file, start=finish, end=finish, text="]}" if single else "}"))
    return tuple(edits)
