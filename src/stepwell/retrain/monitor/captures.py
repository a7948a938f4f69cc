"""What an endpoint was asked and answered, read from SageMaker's data capture.

Files are JSON Lines below ENDPOINT/VARIANT/YYYY/MM/DD/HH; a line is one request:
{"captureData": {"endpointInput": {"observedContentType", "mode", "data", "encoding"},
"endpointOutput": {..}}, "eventMetadata": {"eventId", "inferenceId", "inferenceTime"}, "eventVersion": "0"}.
Source: Amazon SageMaker Developer Guide, "Capture data from real-time endpoint".
"""

from __future__ import annotations

import base64
import binascii
import csv
import json
import math
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Dict, Iterator, List, Sequence, Tuple

#: characters of what is said about a request that can't be read: who asked chose its content
LONGEST_REMARK = 200
#: what SageMaker's own algorithms call an answer in JSON
ANSWERS = ("predicted_label", "prediction", "score")


class Unreadable(Exception):
    """A line, or what it holds, is not what can be read."""


@dataclass(frozen=True)
class Record:
    """One captured request."""

    event: str
    #: the caller's own name of the request; empty: none was given
    inference: str
    #: seconds since 1970
    time: float
    #: the rows that were asked about: one cell a column
    rows: Tuple[Tuple[str, ...], ...]
    #: what was answered, one a row; empty where answers aren't captured
    answers: Tuple[Any, ...]


def lines(folder: Path) -> Iterator[str]:
    """All lines of the files below a folder, in the order of their names, which is that of time."""
    for path in sorted(folder.rglob("*.jsonl")):
        with path.open(encoding="utf-8", errors="replace") as file:
            for line in file:
                if line.strip():
                    yield line


def record(line: str, columns: Sequence[str]) -> Record:
    """The request of a line. Raises Unreadable."""
    try:
        value = json.loads(line)
        about, data = value["eventMetadata"], value["captureData"]
        event, time = str(about["eventId"]), moment(about["inferenceTime"])
        asked = data["endpointInput"]
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise Unreadable(f"no captured request: {error!r:.{LONGEST_REMARK}}") from None
    rows = _rows(_content(asked), columns)
    given = data.get("endpointOutput")
    return Record(
        event, str(about.get("inferenceId") or ""), time, rows, _answers(given, len(rows)) if given else ()
    )


def moment(text: str) -> float:
    """Seconds since 1970 of a time in ISO 8601; UTC where it has no zone. Raises ValueError."""
    # Python 3.8 doesn't know `Z`
    found = datetime.fromisoformat(text[:-1] + "+00:00" if text.endswith("Z") else text)
    return (found if found.tzinfo else found.replace(tzinfo=timezone.utc)).timestamp()


def _content(part: Any) -> Any:
    """CSV as a list of rows of texts; JSON as it is."""
    try:
        text, kind = str(part["data"]), str(part["encoding"]).upper()
        if kind == "BASE64":
            text = base64.b64decode(text, validate=True).decode("utf-8")
            kind = "JSON" if "json" in str(part.get("observedContentType", "")) else "CSV"
        if kind == "JSON":
            return _json(text)
        return [row for row in csv.reader(text.splitlines()) if row]
    except (KeyError, TypeError, binascii.Error, ValueError, csv.Error, RecursionError) as error:
        raise Unreadable(f"what was captured can't be read: {error!r:.{LONGEST_REMARK}}") from None


def _json(text: str) -> Any:
    """A JSON value; several lines of JSON are a list. What no JSON has, NaN and 1e999, stays text."""
    known: Dict[str, Any] = {"parse_constant": str, "parse_float": _float}
    try:
        return json.loads(text, **known)
    except ValueError:
        return [json.loads(line, **known) for line in text.splitlines() if line.strip()]


def _float(text: str) -> Any:
    found = float(text)
    return found if math.isfinite(found) else text


def _rows(value: Any, columns: Sequence[str]) -> Tuple[Tuple[str, ...], ...]:
    """Rows by the columns' order, of lists or of objects."""
    if isinstance(value, dict) and isinstance(value.get("instances"), list):
        value = value["instances"]
    table = [value] if isinstance(value, dict) or _is_row(value) else value
    if not isinstance(table, list):
        raise Unreadable(f"{value!r:.60} is no row")
    if table and isinstance(table[0], list) and [str(cell).strip() for cell in table[0]] == list(columns):
        table = table[1:]
    return tuple(_row(each, columns) for each in table)


def _is_row(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and not isinstance(value[0], (list, dict))


def _row(value: Any, columns: Sequence[str]) -> Tuple[str, ...]:
    if isinstance(value, dict) and isinstance(value.get("features"), list):
        value = value["features"]
    if isinstance(value, dict):
        lacking = [name for name in columns if name not in value]
        if lacking:
            raise Unreadable(f"a row has no {lacking[0]!r}")
        value = [value[name] for name in columns]
    if not isinstance(value, list) or len(value) != len(columns):
        raise Unreadable(f"a row has other cells than the {len(columns)} columns")
    return tuple(_cell(each) for each in value)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return value.strip() if isinstance(value, str) else json.dumps(value)


def _answers(part: Any, rows: int) -> Tuple[Any, ...]:
    """One answer a row: a text, a number, or a list of probabilities; none where they don't fit the rows."""
    try:
        value = _content(part)
    except Unreadable:
        return ()
    if isinstance(value, dict):
        value = value.get("predictions", [value])
    found: List[Any] = value if isinstance(value, list) else [value]
    if len(found) == 1 != rows and isinstance(found[0], list):
        # all answers in one line
        found = found[0]
    elif rows == 1 != len(found):
        # the probabilities of one row
        found = [found]
    return tuple(_answer(each) for each in found) if len(found) == rows else ()


def _answer(value: Any) -> Any:
    """The answer of one row, out of its list of one, or of an object."""
    if isinstance(value, list) and len(value) == 1:
        return value[0]
    if isinstance(value, dict):
        return next((value[name] for name in ANSWERS if name in value), None)
    return value
