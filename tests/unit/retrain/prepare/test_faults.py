"""A batch that is refused says where and why: file, line, column, value, and what may stand there."""

from __future__ import annotations

import gzip
from typing import Any

import pytest
from retrain.prepare.conftest import HEADER, ROW, Batch

AGE = "(allowed: a number from 0 to 120)"
NAMES = "(allowed: age, hospital, since, note, alive)"


def with_age(cell: str) -> str:
    return f"{HEADER}{ROW}{cell},north,,,true\n"


def number(value: str) -> str:
    return f'a.csv, line 3, column "age": {value} {AGE}'


#: what stands in a.csv → the message after its code
CSV: dict[str, tuple[str | bytes, str]] = {
    "text": (with_age("abc"), number('"abc" is no number')),
    "NaN": (with_age("NaN"), number('"NaN" is no number; a missing value is an empty cell')),
    "infinity": (with_age("-Infinity"), number('"-Infinity" is no number')),
    "too large for a float": (
        with_age("1e400"),
        number('"1e400" is larger than any number that a computer keeps'),
    ),
    "an underscore": (with_age("1_000"), number('"1_000" is no number')),
    "digits of another script": (with_age("٣٤"), number('"٣٤" is no number')),
    "a number in hexadecimal": (with_age("0x1F"), number('"0x1F" is no number')),
    "signs only": (with_age("+-"), number('"+-" is no number')),
    "a decimal comma": (with_age('"1,5"'), number('"1,5" is no number')),
    "a no-break space": (with_age("1\u00a0"), number('"1\u00a0" is no number')),
    "too low": (with_age("-0.5"), number('"-0.5" is too low')),
    "too high": (with_age("121"), number('"121" is too high')),
    "missing": (with_age(""), number("the value is missing")),
    "blank": (with_age("  "), number("the value is missing")),
    "an unknown category": (
        HEADER + "41,North,,,true\n",
        'a.csv, line 2, column "hospital": "North" is none of the declared values'
        ' (allowed: one of "north", "south")',
    ),
    "no time": (
        HEADER + "41,north,05.01.2026,,true\n",
        'a.csv, line 2, column "since": "05.01.2026" is no time in ISO 8601'
        " (allowed: a time in ISO 8601, or an empty cell)",
    ),
    "a day that there is not": (
        HEADER + "41,north,2026-02-29,,true\n",
        'a.csv, line 2, column "since": "2026-02-29" is no time in ISO 8601'
        " (allowed: a time in ISO 8601, or an empty cell)",
    ),
    "no boolean": (
        HEADER + "41,north,,,yes\n",
        'a.csv, line 2, column "alive": "yes" is no boolean (allowed: true, false, 1 or 0)',
    ),
    "after a cell of two lines": (
        HEADER + '41,north,,"two\nlines",true\n,north,,,true\n',
        f'a.csv, line 4, column "age": the value is missing {AGE}',
    ),
    "after blank lines": (
        "\n\n" + HEADER + "\n,north,,,true\n",
        f'a.csv, line 5, column "age": the value is missing {AGE}',
    ),
    "in two columns": (
        HEADER + "x,y,,,true\n",
        f'a.csv, line 2, column "age": "x" is no number {AGE};'
        ' a.csv, line 2, column "hospital": "y" is none of the declared values'
        ' (allowed: one of "north", "south")',
    ),
    "too few cells": (HEADER + ROW + "41,north\n", "a.csv, line 3: the row has 2 cells, not 5"),
    "too many cells": (HEADER + "41,north,,,true,\n", "a.csv, line 2: the row has 6 cells, not 5"),
    "a column is missing": (
        "age,hospital,since,note\n",
        f'a.csv, line 1: the header\'s columns are not those declared (missing: "alive") {NAMES}',
    ),
    "a column is unknown": (
        "age,hospital,since,note,alive,sex\n",
        f'a.csv, line 1: the header\'s columns are not those declared (unknown: "sex") {NAMES}',
    ),
    "a column is there twice": (
        "age,age,hospital,since,note,alive\n",
        f'a.csv, line 1: the header\'s columns are not those declared (more than once: "age") {NAMES}',
    ),
    "no header": (
        ROW,
        "a.csv, line 1: the header's columns are not those declared"
        ' (missing: "age", "hospital", "since", "note",'
        ' "alive"; unknown: "41", "north", "2026-01-05", "well", "true")' + f" {NAMES}",
    ),
    "no UTF-8": (
        (HEADER + ROW).encode() + b"41,north,,caf\xe9,true\n",
        "a.csv, line 3: the byte 0xe9 is no UTF-8; the file is not read on",
    ),
    "no UTF-8 in a cell of two lines": (
        HEADER.encode() + b'41,north,,"caf\xc3\xa9\ncaf\xe9",true\n',
        "a.csv, line 3: the byte 0xe9 is no UTF-8; the file is not read on",
    ),
    "a NUL byte": (
        (HEADER + ROW).encode() + b"4\0,north,,,true\n",
        "a.csv, line 3: the line has a NUL byte; the file is not read on",
    ),
    "UTF-16": (
        HEADER.encode("utf-16"),
        "a.csv, line 1: the file is UTF-16: UTF-8 is needed; the file is not read on",
    ),
    "a quote that is not closed": (
        HEADER + ROW + '41,north,,"never,true\n' + ROW,
        "a.csv, line 3: a quote is opened and never closed; the file is not read on",
    ),
    "text after a quote": (
        HEADER + '41,"north"ern,,,true\n',
        "a.csv, line 2: a comma or the line's end must follow a closing quote; the file is not read on",
    ),
    "old line ends": (
        HEADER.replace("\n", "\r") + ROW.replace("\n", "\r"),
        "a.csv, line 1: a carriage return stands within the line; lines end in line feeds;"
        " the file is not read on",
    ),
    "a very long cell": (
        f"{HEADER}41,north,,{'x' * 131073},true\n",
        "a.csv, line 2: a cell is longer than 131,072 characters; perhaps a quote isn't closed;"
        " the file is not read on",
    ),
    "a damaged archive": (
        gzip.compress((HEADER + ROW * 1000).encode())[:-20],
        "a.csv, line 1: the gzip stream is damaged: Compressed file ended before the end-of-stream marker was"
        " reached; the file is not read on",
    ),
}


@pytest.mark.parametrize("case", CSV)
def test_a_csv_files_fault_is_told(batch: Batch, case: str) -> None:
    content, message = CSV[case]
    batch.raw("a.csv", content)
    assert batch.refused() == f"BATCH_INVALID: {message}"


GOOD = '{"age": 41, "hospital": "north", "alive": true}\n'
#: the second line of a.jsonl → the message after file and line
JSON_LINES: dict[str, tuple[str, str]] = {
    "no JSON": (
        "{age: 1}",
        ": the line is no JSON: Expecting property name enclosed in double quotes at character 2",
    ),
    "an array": ("[1]", ": a line is an object, not an array"),
    "null": ("null", ": a line is an object, not null"),
    "two objects": (GOOD.strip() * 2, ": the line is no JSON: Extra data at character 48"),
    "a member too many": (
        '{"age": 41, "hospital": "north", "alive": true, "sex": 1}',
        ': unknown members: "sex"',
    ),
    "a member twice": ('{"age": 41, "age": 42}', ': the member "age" is there more than once'),
    "a member missing": (
        '{"hospital": "north", "alive": true}',
        f', column "age": the value is missing {AGE}',
    ),
    "null where a value is needed": (
        '{"age": null, "hospital": "north", "alive": true}',
        f', column "age": the value is missing {AGE}',
    ),
    "a number in quotes": (
        '{"age": "41", "hospital": "north", "alive": true}',
        ', column "age": the value is a string, not a number',
    ),
    "a number for text": (
        '{"age": 41, "hospital": "north", "alive": true, "note": 5}',
        ', column "note": the value is a number, not a string',
    ),
    "an object": (
        '{"age": {"years": 41}, "hospital": "north", "alive": true}',
        ', column "age": the value is an object, not a number',
    ),
    "an array for a category": (
        '{"age": 41, "hospital": ["north"], "alive": true}',
        ', column "hospital": the value is an array, not a string or a number or a boolean',
    ),
    "NaN": (
        '{"age": NaN, "hospital": "north", "alive": true}',
        f', column "age": "NaN" is no number; a missing value is an empty cell {AGE}',
    ),
    "too large for a float": (
        '{"age": 1e400, "hospital": "north", "alive": true}',
        f', column "age": "1e400" is larger than any number that a computer keeps {AGE}',
    ),
    "half a character": (
        '{"age": 41, "hospital": "north", "alive": true, "note": "\\ud800"}',
        ', column "note": half of a surrogate pair is no character',
    ),
    "a very long text": (
        '{"age": 41, "hospital": "north", "alive": true, "note": "%s"}' % ("x" * 131073),
        ', column "note": a cell is longer than 131,072 characters',
    ),
    "nested very deeply": ("[" * 100_000, ": values are nested too deeply"),
}


@pytest.mark.parametrize("case", JSON_LINES)
def test_a_json_lines_fault_is_told(batch: Batch, case: str) -> None:
    line, message = JSON_LINES[case]
    batch.declare(format="jsonl")
    batch.raw("a.jsonl", f"{GOOD}{line}\n")
    assert batch.refused() == f"BATCH_INVALID: a.jsonl, line 2{message}"


#: a column's declaration, a cell → what is said of it
COLUMNS: dict[str, tuple[dict[str, Any], str, str]] = {
    "a whole number": (
        {"type": "integer", "low": 1},
        "3.0",
        '"3.0" is no whole number (allowed: a whole number of 1 or more)',
    ),
    "a number": (
        {"type": "number", "high": 2.5},
        "2.6",
        '"2.6" is too high (allowed: a number of 2.5 or less)',
    ),
    "a pattern": (
        {"type": "text", "pattern": "[A-Z]+"},
        "Ab",
        '"Ab" does not match (allowed: text matching [A-Z]+)',
    ),
    "a category that may be missing": (
        {"type": "category", "values": [1, True], "missing": True},
        "2",
        '"2" is none of the declared values (allowed: one of "1", "true", or an empty cell)',
    ),
    "a long category": (
        {"type": "category"},
        "x" * 257,
        f'"{"x" * 39}…" has 257 characters: declare it as text'
        " (allowed: a category of at most 256 characters)",
    ),
    "a time": (
        {"type": "time", "low": "2026-01-01", "high": "2026-12-31T12:00:00+02:00"},
        "2026-12-31T11:00:00",
        '"2026-12-31T11:00:00" is too high'
        " (allowed: a time in ISO 8601 from 2026-01-01T00:00:00Z to 2026-12-31T10:00:00Z)",
    ),
    "an hour that there is not": (
        {"type": "time"},
        "2026-01-01T24:00:00",
        '"2026-01-01T24:00:00" is no time in ISO 8601 (allowed: a time in ISO 8601)',
    ),
    "control characters": (
        {"type": "number"},
        "\x1b[31m1",
        '"\\u001b[31m1" is no number (allowed: a number)',
    ),
}


@pytest.mark.parametrize("case", COLUMNS)
def test_what_may_stand_there_is_told(batch: Batch, case: str) -> None:
    column, cell, message = COLUMNS[case]
    batch.declare(columns=[{"name": "x", **column}, {"name": "y", "type": "number"}], label="y")
    batch.raw("a.csv", f"x,y\n{cell},1\n")
    assert batch.refused() == f'BATCH_INVALID: a.csv, line 2, column "x": {message}'


def test_five_faults_are_named_and_the_rest_counted(batch: Batch) -> None:
    """In the order of files and lines; a file that cannot be read doesn't hide the next one's faults."""
    batch.raw("a.csv", HEADER.replace("age", "years"))
    batch.raw("b.csv", HEADER + ROW + "x,north,,,true\n" * 1000)
    message = batch.refused()
    assert [message.count(f"b.csv, line {line},") for line in (2, 3, 4, 5, 6, 7)] == [0, 1, 1, 1, 1, 0]
    assert message.startswith("BATCH_INVALID: a.csv, line 1: ")
    assert message.endswith("; and 996 more")


def test_faults_are_in_the_order_of_lines_not_of_columns(batch: Batch) -> None:
    batch.raw("a.csv", HEADER + "41,west,,,true\n41,north\nx,north,,,true\n")
    message = batch.refused()
    assert [message.index(f"line {line}") for line in (2, 3, 4)] == sorted(
        message.index(f"line {line}") for line in (2, 3, 4)
    )


def test_a_message_is_at_most_a_kilobyte(batch: Batch) -> None:
    """However long names and values are; the first fault is always told."""
    name = "ж" * 200
    batch.declare(columns=[{"name": name, "type": "number"}, {"name": "y", "type": "number"}], label="y")
    path = "/".join(["ж" * 100] * 3) + ".csv"
    batch.raw(path, f"{name},y\n" + "".join(f"{'ж' * 500},1\n" for _ in range(9)))
    message = batch.refused()
    assert len(message.encode()) <= 1024
    assert "line 2" in message
    shown = message.count("is no number")
    assert shown >= 1 and message.endswith(f"; and {9 - shown} more")


def test_faults_of_a_packed_file_have_its_lines(batch: Batch) -> None:
    batch.raw("a.csv.gz", gzip.compress((HEADER + ROW * 9000 + "x,north,,,true\n").encode()))
    assert batch.refused().startswith('BATCH_INVALID: a.csv.gz, line 9002, column "age": "x" is no number')


def test_too_few_rows_have_a_code_of_their_own(batch: Batch) -> None:
    batch.declare(least_rows=30)
    batch.raw("a.csv", HEADER + ROW)
    assert batch.refused() == "TOO_FEW_ROWS: rows in the batch: 1; least_rows is 30"
