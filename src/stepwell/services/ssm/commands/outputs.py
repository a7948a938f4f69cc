"""What scripts printed: as much as answers hold, and all of it in S3 and CloudWatch Logs.

Limits and markers: the API reference of GetCommandInvocation and CommandPlugin, and what the agent writes.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

#: characters of GetCommandInvocation's StandardOutputContent and StandardErrorContent
STDOUT, STDERR = 24_000, 8_000
#: characters of a CommandPlugin's Output
PLUGIN = 2_500
#: what follows output that was cut, and stands between the two streams
CUT, ERROR_CUT, BETWEEN = "\n---Output truncated---", "\n---Error truncated----", "\n----------ERROR-------\n"
#: lines that are handed to CloudWatch Logs at once
BATCH = 2_000
#: characters of one line there
LINE = 256 << 10


def head(path: Path | None, limit: int, marker: str) -> str:
    """The beginning of a file, at most `limit` characters, with the marker where more was cut."""
    if path is None:
        return ""
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        text = file.read(limit + 1)
    return cut(text, limit, marker)


def cut(text: str, limit: int, marker: str) -> str:
    """The text within `limit` characters, the marker among them where it was longer."""
    return text if len(text) <= limit else text[: limit - len(marker)] + marker


def combined(stdout: str, stderr: str, limit: int = PLUGIN) -> str:
    """Both streams as a CommandPlugin's Output: each gets half, and what the other leaves."""
    if not stderr:
        return cut(stdout, limit, CUT)
    room = limit - len(BETWEEN)
    errors = min(len(stderr), max(room // 2, room - len(stdout)))
    return cut(stdout, room - errors, CUT) + BETWEEN + cut(stderr, errors, ERROR_CUT)


def batches(path: Path) -> Iterator[list[str]]:
    """A file's lines, some thousand at a time; a long line is several."""
    with path.open(encoding="utf-8", errors="replace") as file:
        while lines := list(islice(iter(lambda: file.readline(LINE), ""), BATCH)):
            yield [line.rstrip("\n") for line in lines]
