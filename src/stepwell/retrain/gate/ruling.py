"""From what was measured to a decision: the one place that knows the order of the questions."""

from __future__ import annotations

from .decision import DEPLOY, NO_CHAMPION, OVERRULED, Decision, decision, part
from .evidence import Comparison, Evidence


def decide(found: Evidence) -> Decision:
    """The decision that follows from evidence and its settings; what the evidence says of it is not read.

    First the batch: what can't be judged, too few rows, labels that the champion doesn't recognise. Then the
    challenger: what is wrong with it, trusted rows, slices, and at last the rule on the batch's own rows.
    After a release the first part is left out as far as a person can overrule it.
    """
    settings, problems, champion = found.settings, found.problems, found.champion_expected
    released = found.released is not None and found.released.action == "release"
    if released:
        champion = champion and not any(each.code in NO_CHAMPION for each in problems)
        problems = tuple(each for each in problems if each.code not in (*OVERRULED, *NO_CHAMPION))
    for problem in problems:
        if part(problem.code) == 1:
            return decision(problem.code, problem.sentence)
    new = found.whole("new")
    if new is None:
        return decision("EMPTY_BATCH")
    if new.rows < settings.least_rows:
        return decision("TOO_FEW_ROWS", f"{new.rows}; {settings.least_rows} are asked for.")
    if champion and not released:
        asked: list[tuple[str, float | None, float | None]] = [("them", found.recognised, settings.floor)]
        asked += [(each.part, each.champion, each.floor) for each in found.comparisons]
        for where, score, floor in asked:
            if score is not None and floor is not None and not reaches(found, score, floor):
                told = f"{settings.metric} {score:.4g} on {where}, the floor is {floor:g}."
                return decision("BELOW_FLOOR", told)
    for problem in problems:
        return decision(problem.code, problem.sentence)
    if not champion:
        return _first(found, new, released)
    said = _second(found, new)
    score = new.challenger
    if (
        released
        and said.outcome == DEPLOY
        and score is not None
        and not reaches(found, score, settings.floor)
    ):
        # as good as a champion that doesn't recognise the labels is nothing
        return decision(
            "RELEASED_BELOW_FLOOR", f"{settings.metric} {score:.4g}, the floor is {settings.floor:g}."
        )
    return said


def reaches(found: Evidence, score: float, floor: float) -> bool:
    """Whether a score reaches a floor; an error reaches it from above."""
    return score >= floor if found.higher_is_better else score <= floor


def _first(found: Evidence, new: Comparison, released: bool) -> Decision:
    score = new.challenger if new.challenger is not None else float("nan")
    told = f"{found.settings.metric} {score:.4g}, the floor is {found.settings.floor:g}."
    if reaches(found, score, found.settings.floor):
        return decision("FIRST_CHAMPION", told)
    return decision("FIRST_RELEASED" if released else "FIRST_BELOW_FLOOR", told)


def _second(found: Evidence, new: Comparison) -> Decision:
    settings = found.settings
    trusted = found.whole("trusted")
    if trusted is not None and _significant(trusted.p_worse, settings.alpha):
        return decision("WORSE_ON_TRUSTED", _told(trusted, trusted.p_worse))
    judged = [each for each in found.comparisons if each.part and each.judged and each.test]
    for each in judged:
        # as many slices as there are, so many chances to be unlucky (Bonferroni)
        if _significant(each.p_worse, settings.alpha / len(judged)):
            return decision(
                "WORSE_ON_SLICE", f"{each.part}, {each.rows_of} rows: {_told(each, each.p_worse)}"
            )
    p = new.p_better if settings.rule == "better" else new.p_not_worse
    if _significant(p, settings.alpha):
        return decision("BETTER" if settings.rule == "better" else "NOT_WORSE", _told(new, p))
    reason = "WORSE_ON_NEW" if _significant(new.p_worse, settings.alpha) else "NOT_SHOWN"
    return decision(reason, _told(new, new.p_worse if reason == "WORSE_ON_NEW" else p))


def _significant(p: float | None, alpha: float) -> bool:
    return p is not None and p < alpha


def _told(found: Comparison, p: float | None) -> str:
    """`0.934 against 0.951 on 122 rows, 3 won and 5 lost, p = 0.86.`"""
    shown = "-" if p is None else f"{p:.3g}"
    return (
        f"{_figure(found.challenger)} against {_figure(found.champion)} on {found.rows} rows, "
        f"{found.won} won and {found.lost} lost, p = {shown}."
    )


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"
