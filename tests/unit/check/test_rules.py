"""Each rule finds its fault in programs that have it, and nothing in counterparts that don't."""

from __future__ import annotations

from collections import Counter

import pytest
from check.conftest import CASES, Case, Write

from stepwell.check import check, rules

ALL = [*rules(), *rules(aws=True)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_rule_finds_its_fault_and_nothing_else_that_is_right(case: Case, write: Write) -> None:
    found = check(write(case.text, case.files), target="aws")
    shown = [f"{each.place.line}: {each.code} {each.message}" for each in found]
    assert (case.code in {each.code for each in found}) is case.faulty, shown


@pytest.mark.parametrize("case", [case for case in CASES if case.code != "SW902"], ids=lambda case: case.name)
def test_the_tables_tell_nothing_that_a_rule_of_its_own_tells(case: Case, write: Write) -> None:
    found = check(write(case.text, case.files))
    told = {each.place.line for each in found if each.code == case.code and case.faulty}
    assert not told & {each.place.line for each in found if each.code == "SW902"}, [
        each.message for each in found if each.code == "SW902"
    ]


@pytest.mark.parametrize("rule", ALL, ids=lambda rule: rule.code)
def test_every_rule_has_two_programs_that_break_it_and_two_that_do_not(rule: object) -> None:
    code = getattr(rule, "code", "")
    kinds = Counter(case.faulty for case in CASES if case.code == code)
    assert kinds[True] >= 2 and kinds[False] >= 2


def test_a_right_on_what_gets_a_generated_name_is_told_with_a_wildcard(write: Write) -> None:
    case = next(case for case in CASES if case.code == "SW410" and case.faulty)
    (finding,) = [each for each in check(write(case.text, case.files)) if each.code == "SW410"]
    assert ":function:f-*" in finding.mend


def test_every_row_is_complete_and_has_a_code_of_its_own() -> None:
    assert len({rule.code for rule in ALL}) == len(ALL)
    assert len({rule.title for rule in ALL}) == len(ALL)
    for rule in ALL:
        assert rule.title and rule.why.endswith(".") and rule.mend.endswith("."), rule.code
        assert rule.severity in ("error", "warning")


def test_a_code_of_the_data_is_a_rule() -> None:
    assert {case.code for case in CASES} <= {rule.code for rule in ALL}
