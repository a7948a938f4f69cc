"""Whether an answer is what was recorded, up to what varies from run to run.

A recording has its ids, times, regions and accounts masked: some masks stand for a whole value, some are
words within a text. Text that is JSON is compared as JSON, because spaces and the order of members vary.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Any

#: the account of every recording
ACCOUNT = "1" * 12
#: masks of whole values, in every recording
TIMES = frozenset({"timestamp", "datetime", "date", "start-date", "stop-date", "entered-time", "start-time"})
#: members that tell of the connection, not of the answer
CONNECTION = frozenset({"ResponseMetadata", "SdkHttpMetadata", "SdkResponseMetadata"})
#: members that AWS began to tell, and when
SINCE = {"RedriveCount": date(2023, 11, 15)}

_TIME = r"(?:\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:?(?:\d\d)?)|date)"
#: masks within texts, and what may stand there
_WITHIN = ((r"<region>", r"[a-z0-9-]+"), (r"<partition>", r"aws[a-z-]*"), (r"\bdate\b", _TIME),
           (rf"\b{ACCOUNT}\b", r"\d{12}"), (r"<[A-Za-z_][\w.:@/-]*>", r".*?"))  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Masks:
    """How one recording is to be compared."""

    #: masks of whole values
    whole: frozenset[str]
    #: masks within texts, of this recording alone
    words: tuple[str, ...]
    #: members that are not compared
    without: frozenset[str]
    #: whether an answer may have members that were not yet there when it was recorded
    newer: bool

    @classmethod
    def of(
        cls, case: Mapping[str, Any], *, without: frozenset[str] = CONNECTION, newer: bool = False
    ) -> Masks:
        """The masks of a case."""
        recorded = datetime.strptime(case["source"]["recorded"], "%d-%m-%Y, %H:%M:%S").date()
        unknown = {member for member, since in SINCE.items() if recorded < since}
        words = [word for word in case["wild_sub"] if len(word) > 2 and word not in (*TIMES, ACCOUNT)]
        return cls(
            whole=TIMES | frozenset(case["wild_whole"]),
            words=tuple(sorted(words, key=len, reverse=True)),
            without=without | unknown,
            newer=newer,
        )

    def same(self, recorded: Any, answered: Any, *, api: bool = True, member: str = "") -> bool:
        """Whether they agree; `api` holds outside of JSON payloads, where a text may have been parsed."""
        if isinstance(answered, date):
            answered = answered.isoformat()
        if isinstance(recorded, str) and recorded in self.whole:
            return True
        if isinstance(recorded, dict | list) and isinstance(answered, str):
            return api and self._same_text(recorded, answered)
        if isinstance(recorded, dict):
            return isinstance(answered, dict) and self._same_members(recorded, answered, api)
        if isinstance(recorded, list):
            return (
                isinstance(answered, Sequence)
                and len(recorded) == len(answered)
                and all(self.same(old, new, api=api) for old, new in zip(recorded, answered, strict=True))
            )
        if isinstance(recorded, str):
            return self._same_string(recorded, answered, api or member.lower() == "cause")
        return (type(recorded) is type(answered) and bool(recorded == answered)) or _equal(recorded, answered)

    def differences(self, recorded: Any, answered: Any, *, place: str = "") -> Iterator[str]:
        """Where they disagree, for people."""
        if isinstance(recorded, dict | list) and isinstance(answered, str):
            with suppress(ValueError):
                answered = json.loads(answered)
        if self.same(recorded, answered):
            return
        if isinstance(recorded, dict) and isinstance(answered, dict):
            for name in sorted(recorded.keys() & answered.keys() - self.without):
                yield from self.differences(recorded[name], answered[name], place=f"{place}/{name}")
            for name in sorted(recorded.keys() - answered.keys() - self.without):
                yield f"{place}/{name}: not told; recorded {recorded[name]!r}"
            for name in () if self.newer else sorted(answered.keys() - recorded.keys() - self.without):
                yield f"{place}/{name}: told {answered[name]!r}; not recorded"
        elif isinstance(recorded, list) and isinstance(answered, list) and len(recorded) == len(answered):
            for index, (old, new) in enumerate(zip(recorded, answered, strict=True)):
                yield from self.differences(old, new, place=f"{place}/{index}")
        else:
            yield f"{place}: told {answered!r}; recorded {recorded!r}"

    def _same_members(self, recorded: Mapping[str, Any], answered: Mapping[str, Any], api: bool) -> bool:
        old, new = recorded.keys() - self.without, answered.keys() - self.without
        if not (old <= new if self.newer else old == new):
            return False
        return all(self.same(recorded[name], answered[name], api=api, member=name) for name in old)

    def _same_text(self, recorded: Any, answered: str) -> bool:
        try:
            return self.same(recorded, json.loads(answered), api=False)
        except ValueError:
            return False

    def _same_string(self, recorded: str, answered: Any, may_be_json: bool) -> bool:
        pattern = self._pattern(recorded)
        if isinstance(answered, dict | list):
            # a mask may have broken the JSON of a recorded text
            spaced = (json.dumps(answered, separators=each) for each in ((",", ":"), (", ", ": ")))
            return recorded[:1] in ("[", "{") and any(pattern.fullmatch(text) for text in spaced)
        if not isinstance(answered, str):
            return False
        if pattern.fullmatch(answered):
            return True
        if not may_be_json or recorded[:1] not in ("[", "{"):
            return False
        try:
            parsed = json.loads(recorded)
        except ValueError:
            return False
        return self._same_text(parsed, answered)

    def _pattern(self, recorded: str) -> re.Pattern[str]:
        found, end = "", 0
        for mask in self._masks.finditer(recorded):
            stands_for = next((new for old, new in _WITHIN if re.fullmatch(old, mask[0])), r".*?")
            found += re.escape(recorded[end : mask.start()]) + stands_for
            end = mask.end()
        return re.compile(found + re.escape(recorded[end:]), re.DOTALL)

    @cached_property
    def _masks(self) -> re.Pattern[str]:
        return re.compile("|".join([*(old for old, _ in _WITHIN), *map(re.escape, self.words)]))


def _equal(recorded: Any, answered: Any) -> bool:
    """Numbers may differ in type, but true is no 1."""
    numbers = isinstance(recorded, int | float) and isinstance(answered, int | float)
    return (
        numbers and not isinstance(recorded, bool) and not isinstance(answered, bool) and recorded == answered
    )
