"""What is declared wrongly is told by its name, before a file is opened."""

from __future__ import annotations

from typing import Any

import pytest
from retrain.prepare.conftest import COLUMNS, Batch

from stepwell.retrain.prepare import Column, HeldOut, Settings, SettingsInvalid

X = {"name": "x", "type": "number"}
Y = {"name": "y", "type": "category"}


def one(**column: Any) -> dict[str, Any]:
    return {"columns": [{"name": "x", **column}, Y], "label": "y"}


#: a configuration → the message
WRONG: dict[str, tuple[Any, str]] = {
    "no object": ([], "the configuration is an object, not []"),
    "something unknown": (
        {"colums": []},
        "the configuration has no 'colums';"
        " there are columns, label, held_out, format, header, function, least_rows",
    ),
    "no columns": ({"label": "y"}, "columns are missing: without them nothing can be checked"),
    "a column that is a name": ({"columns": ["x"]}, "a column is an object, not 'x'"),
    "a name with spaces": (
        one(name=" x"),
        "a column's name is printable, without spaces around it, not ' x'",
    ),
    "a name of two lines": (
        one(name="x\ny"),
        "a column's name is printable, without spaces around it, not 'x\\ny'",
    ),
    "no type": (one(), 'column "x": type is one of number, integer, category, text, time, boolean, not None'),
    "a setting of a column's that is not there": (
        one(type="number", least=1),
        "a column has no 'least'; there are name, type, low, high, values, missing, pattern",
    ),
    "bounds of a category": (
        one(type="category", low=0),
        'column "x": low is for number and integer and time, not for category',
    ),
    "values of a number": (
        one(type="number", values=[1]),
        'column "x": values is for category and text, not for number',
    ),
    "bounds the wrong way round": (one(type="number", low=2, high=1), 'column "x": low is above high'),
    "a bound that is text": (one(type="number", low="0"), "column \"x\": low is a number, not '0'"),
    "a bound that is no time": (one(type="time", high=5), 'column "x": high is a time in ISO 8601, not 5'),
    "a pattern that is none": (
        one(type="text", pattern="("),
        'column "x": pattern is no regular expression: missing ), unterminated subpattern at position 0',
    ),
    "values that are one": (one(type="category", values="ab"), "column \"x\": an array is needed, not 'ab'"),
    "a value that is none": (
        one(type="category", values=[None]),
        'column "x": values are texts or numbers, not None',
    ),
    "missing that is a text": (
        one(type="number", missing="yes"),
        "column \"x\": missing is true or false, not 'yes'",
    ),
    "a column twice": ({"columns": [X, X, Y], "label": "y"}, "columns are declared twice: x"),
    "a label that is no column": (
        {"columns": [X, Y], "label": "z"},
        "label is the name of a column (x, y), not 'z'",
    ),
    "no label": ({"columns": [X, Y]}, "label is the name of a column (x, y), not None"),
    "a label that may be missing": (
        {"columns": [X, {**Y, "missing": True}], "label": "y"},
        'the label "y" may not be missing: such a row teaches nothing',
    ),
    "a label alone": ({"columns": [Y], "label": "y"}, "there is no column beside the label"),
    "all rows held out": (
        {"columns": [X, Y], "label": "y", "held_out": {"share": 1}},
        "held_out: share is a number between 0 and 1, not 1",
    ),
    "held out by chance": (
        {"columns": [X, Y], "label": "y", "held_out": {"by": "chance"}},
        "held_out: by is one of rows, last, column, not 'chance'",
    ),
    "held out by no column": (
        {"columns": [X, Y], "label": "y", "held_out": {"by": "column"}},
        "held_out: column is given with by: column, and only then",
    ),
    "held out by the label": (
        {"columns": [X, Y], "label": "y", "held_out": {"by": "column", "column": "y"}},
        "held_out: column is one beside the label, not 'y'",
    ),
    "another format": (
        {"columns": [X, Y], "label": "y", "format": "xml"},
        "format is one of csv, jsonl, not 'xml'",
    ),
    "a function without a module": (
        {"columns": [X, Y], "label": "y", "function": "clean"},
        "function is written \"module:name\", not 'clean'",
    ),
    "rows that are no number": (
        {"columns": [X, Y], "label": "y", "least_rows": -1},
        "least_rows is a whole number from 0 on, not -1",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_setting_is_named(case: str) -> None:
    value, message = WRONG[case]
    with pytest.raises(SettingsInvalid) as caught:
        Settings.from_json(value)
    assert str(caught.value) == message


def test_what_is_not_declared_has_a_default() -> None:
    found = Settings.from_json({"columns": [X, Y], "label": "y", "function": None, "held_out": {}})
    assert found == Settings(columns=(Column("x", "number"), Column("y", "category")), label="y")
    assert found.held_out == HeldOut(share=0.25, by="rows")
    assert (found.format, found.header, found.function, found.least_rows) == ("csv", True, "", 0)


def test_values_are_compared_as_they_are_written() -> None:
    """A label's 0 and 1 may be declared as numbers, and true as JSON's."""
    found = Settings.from_json(one(type="category", values=[0, 1.5, True, "a"])).columns[0]
    assert found.values == ("0", "1.5", "true", "a")


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "config has 0 JSON files; one is needed"),
        ({"a.json": "{}", "b.json": "{}"}, "config has 2 JSON files; one is needed"),
        (
            {"a.json": "{"},
            "a.json is no JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
        ),
    ],
)
def test_there_is_one_configuration(batch: Batch, files: dict[str, str], message: str) -> None:
    (batch.base / "config" / "prepare.json").unlink()
    for name, text in files.items():
        (batch.base / "config" / name).write_text(text)
    assert batch.refused() == f"SETTINGS_INVALID: {message}"


def test_a_batchs_columns_are_all_read() -> None:
    assert Settings.from_json({"columns": COLUMNS, "label": "alive"}).names == (
        "age",
        "hospital",
        "since",
        "note",
        "alive",
    )
