"""The page tells every rule as its row does."""

from __future__ import annotations

import re
from pathlib import Path

from check.conftest import CASES, Write

from stepwell.check import check, rules

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "check.md").read_text()
ROW = re.compile(r"^\| (SW\d+)(\*?) \| (.*?) \| (.*?) \| (.*?) \| (.*?) \|$", re.MULTILINE)


def test_every_rule_has_its_row_on_the_page() -> None:
    told = [(code, *rest) for code, _, *rest in ROW.findall(PAGE)]
    rows = [
        (rule.code, rule.title, rule.severity, rule.why, rule.mend) for rule in (*rules(), *rules(aws=True))
    ]
    assert sorted(told) == sorted(rows)


def test_a_star_marks_the_rules_that_have_certain_mends(write: Write) -> None:
    fixable = {
        finding.code
        for case in CASES
        if case.faulty
        for finding in check(write(case.text, case.files))
        if finding.edits
    }
    assert {code for code, star, *_ in ROW.findall(PAGE) if star} == fixable
