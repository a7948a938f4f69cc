"""Captured requests are read as SageMaker writes them, in every encoding and form of rows."""

from __future__ import annotations

import base64
import json

import pytest

from stepwell.retrain.monitor import captures

from .measuring import NOON, line

COLUMNS = ("a", "b")
ROWS = [
    ("CSV", "1,2\n", [("1", "2")]),
    ("CSV", '1,"x, y"\r\n3,\r\n', [("1", "x, y"), ("3", "")]),
    ("CSV", "a,b\n1,2\n", [("1", "2")]),
    ("BASE64", base64.b64encode(b"1,2\n3,4\n").decode(), [("1", "2"), ("3", "4")]),
    ("JSON", "[1, null]", [("1", "")]),
    ("JSON", '[[1, "x"], [2.5, true]]', [("1", "x"), ("2.5", "true")]),
    ("JSON", '{"b": 2, "a": 1}', [("1", "2")]),
    ("JSON", '[{"b": 2, "a": 1}]', [("1", "2")]),
    ("JSON", '{"instances": [{"features": [1, 2]}]}', [("1", "2")]),
    ("JSON", '{"instances": [[1, 2], [3, 4]]}', [("1", "2"), ("3", "4")]),
    ("JSON", '{"a": 1, "b": 2}\n{"a": 3, "b": 4}\n', [("1", "2"), ("3", "4")]),
]
UNREADABLE = [
    ("CSV", "1,2,3\n", "other cells than the 2 columns"),
    ("JSON", '{"a": 1}', "a row has no 'b'"),
    ("JSON", '"text"', "is no row"),
    ("JSON", "{", "can't be read"),
    ("BASE64", "?", "can't be read"),
    ("BASE64", base64.b64encode(b"\xff\xfe").decode(), "can't be read"),
]
#: rows asked about, what was answered, the answers
ANSWERS = [
    (1, "7\n", ("7",)),
    (2, "7\n8\n", ("7", "8")),
    (2, "7,8\n", ("7", "8")),
    (1, "0.2,0.8\n", (["0.2", "0.8"],)),
    (2, "0.2,0.8\n0.1,0.9\n", (["0.2", "0.8"], ["0.1", "0.9"])),
    (3, "7,8\n", ()),
]


@pytest.mark.parametrize(("encoding", "data", "rows"), ROWS)
def test_rows_are_read(encoding: str, data: str, rows: list[tuple[str, ...]]) -> None:
    found = captures.record(line("1", data, encoding=encoding), COLUMNS)
    assert (list(found.rows), found.event, found.time, found.answers) == (rows, "1", NOON, ())


@pytest.mark.parametrize(("encoding", "data", "message"), UNREADABLE)
def test_what_cannot_be_read_says_why(encoding: str, data: str, message: str) -> None:
    with pytest.raises(captures.Unreadable, match=message):
        captures.record(line("1", data, encoding=encoding), COLUMNS)


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"captureData": {}, "eventMetadata": {"eventId": "1"}}'])
def test_a_line_of_another_form_is_unreadable(text: str) -> None:
    with pytest.raises(captures.Unreadable, match="no captured request"):
        captures.record(text, COLUMNS)


@pytest.mark.parametrize(("rows", "answer", "answers"), ANSWERS)
def test_there_is_one_answer_a_row_or_none(rows: int, answer: str, answers: tuple[object, ...]) -> None:
    found = captures.record(line("1", "1,2\n" * rows, answer=answer), COLUMNS)
    assert found.answers == answers


def test_json_answers_are_read_as_sagemakers_algorithms_write_them() -> None:
    value = json.loads(line("1", "1,2\n3,4\n", answer="", inference="mine"))
    predictions = {"predictions": [{"score": 0.7, "predicted_label": 1}, {"score": 0.4}]}
    value["captureData"]["endpointOutput"].update(encoding="JSON", data=json.dumps(predictions))
    found = captures.record(json.dumps(value), COLUMNS)
    assert (found.answers, found.inference) == ((1, 0.4), "mine")


def test_times_are_utc_where_they_have_no_zone() -> None:
    for text in ("2026-01-05T12:00:00Z", "2026-01-05T12:00:00", "2026-01-05T14:00:00+02:00"):
        assert captures.moment(text) == NOON
