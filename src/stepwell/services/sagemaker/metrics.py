"""Metrics that a training job prints: its MetricDefinitions over the lines of its log.

The expressions are the user's: a process of their own runs them (`workers/inside/matching.py`), so that one
that takes for ever costs its job's metrics and nothing else.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from stepwell.errors import ValidationException
from stepwell.workers.containment import INSIDE

log = logging.getLogger(__name__)
#: bytes of an answer: a few dozen metrics' names and values
ANSWER_LIMIT = 1 << 20
#: processor seconds for one batch of lines
LIMIT = 5.0


class Metrics:
    """The last value of each metric, as FinalMetricDataList shows it."""

    def __init__(self, job: str, definitions: Iterable[Mapping[str, str]], limit: float = LIMIT) -> None:
        """job: its name, for the server's log; limit: processor seconds for one batch of lines."""
        self._limit = limit
        self._job = job
        self._expressions = [(each["Name"], each["Regex"]) for each in definitions]
        self._last: dict[str, dict[str, Any]] = {}
        self._process: asyncio.subprocess.Process | None = None
        self._over = not self._expressions

    async def feed(self, lines: Iterable[tuple[float, str]]) -> None:
        """Take lines: seconds since the epoch, text. After an expression that took too long it takes none."""
        if self._over:
            return
        if self._process is None:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-I", "-S", "-B", str(INSIDE / "matching.py"), json.dumps(self._expressions)),
                str(self._limit),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                limit=ANSWER_LIMIT,
            )
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(list(lines)).encode() + b"\n")
            await self._process.stdin.drain()
            answer = await self._process.stdout.readline()
        except ConnectionError:
            answer = b""
        if not answer:
            log.warning("metrics of %s are given up: a regular expression took too long", self._job)
            self._over = True
            return
        for name, (value, moment) in json.loads(answer).items():
            self._last[name] = {"MetricName": name, "Value": value, "Timestamp": moment}

    async def close(self) -> None:
        """There are no more lines."""
        self._over = True
        if self._process is not None:
            if self._process.returncode is None:
                self._process.kill()
            await self._process.communicate()

    def final(self) -> list[dict[str, Any]]:
        """In the order of their definitions."""
        order = dict.fromkeys(name for name, _ in self._expressions)
        return [self._last[name] for name in order if name in self._last]


def check(definitions: Iterable[Mapping[str, str]]) -> None:
    """Raises ValidationException for a regular expression that is none or has no group."""
    for each in definitions:
        try:
            groups = re.compile(each["Regex"]).groups
        except (re.error, OverflowError, RecursionError) as error:
            raise ValidationException(
                f"The metric {each['Name']} has an invalid regular expression: {error}"
            ) from error
        if groups < 1:
            raise ValidationException(
                f"The metric {each['Name']} needs a group in its regular expression: {each['Regex']}"
            )
