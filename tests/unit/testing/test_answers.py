"""Answers by attempt, and answers that are computed."""

from __future__ import annotations

import pytest

from stepwell.testing import Answer, TestingError, raises, returns
from stepwell.testing.answers import by_attempt, in_turn


def test_answers_come_one_after_the_other_and_the_last_goes_on() -> None:
    answers = in_turn((raises("A"), raises("B"), returns(3)))
    assert [answers.of(number).error for number in range(5)] == ["A", "B", None, None, None]


def test_attempts_are_numbered_as_mock_configuration_files_do() -> None:
    answers = by_attempt({"0": raises("A"), "1-2": raises("B"), "3": returns(3)})
    assert [answers.of(number).error for number in range(5)] == ["A", "B", "B", None, None]


@pytest.mark.parametrize("numbers", [["1"], ["0", "2"], ["0-2", "2"], ["0", "1-0"], ["first"], ["-1"], []])
def test_attempts_have_no_gaps(numbers: list[str]) -> None:
    with pytest.raises(TestingError):
        by_attempt({number: returns(1) for number in numbers})


def test_a_result_is_what_it_was_when_it_was_given() -> None:
    result = {"scores": [1]}
    answer = returns(result)
    result["scores"].append(2)
    assert answer.result == {"scores": [1]}


@pytest.mark.parametrize("result", [{1, 2}, float("nan"), object(), b"bytes"])
def test_a_result_is_json(result: object) -> None:
    with pytest.raises(TestingError, match="must be JSON"):
        returns(result)


def test_a_function_gives_the_result_or_a_whole_answer() -> None:
    def function(value: int) -> object:
        return raises("Odd", after=3) if value % 2 else value * 10

    answer = returns(function, after=5)
    assert answer.given(4) == Answer(result=40, after=5.0)
    assert answer.given(3) == Answer(error="Odd", after=3.0)
    assert returns(lambda value: raises("Odd"), after=5).given(1) == Answer(error="Odd", after=5.0)
