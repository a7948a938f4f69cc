"""One judgement from beginning to end: rows and answers in, evidence out. Nothing here touches a file."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any, Mapping, Sequence

from . import baselines, slices
from .answers import Unusable, answers, class_name
from .comparing import KINDS, compare, outcome, scored
from .decision import NO_CHAMPION, OVERRULED, Note, decision
from .evidence import Comparison, Evidence, Forecast, Outcomes
from .faults import MetricUndefined
from .metrics import Metric, Scale, metric
from .rows import Rows
from .ruling import decide, reaches
from .settings import Settings, Slice
from .sources import Release, Sources


@dataclass(frozen=True)
class Model:
    """A model's answers, or why there are none."""

    #: what it predicted, by `new` and `trusted`: any array or list, one answer a row
    predictions: Mapping[str, Any] = field(default_factory=dict)
    #: its classes, in the order of its probabilities, where it says
    classes: Sequence[Any] | None = None
    #: what went wrong instead: a code of REASONS without `CHAMPION_` or `CHALLENGER_`, and a sentence
    problem: Note | None = None


@dataclass(frozen=True)
class Trial:
    """What a gate judges."""

    #: the batch's held-out rows; None where they could not be read
    new: Rows | None
    #: rows held out of earlier accepted batches; None: there are none
    trusted: Rows | None
    #: the model that was just trained
    challenger: Model
    #: the model in service; None: there is none yet
    champion: Model | None
    #: why rows could not be read
    problems: tuple[Note, ...] = ()
    #: where models and libraries come from
    sources: Sources = field(default_factory=Sources)
    #: who released the batch after it was quarantined; None: nobody
    released: Release | None = None


def judge(trial: Trial, settings: Settings) -> Evidence:
    """The evidence of a trial, with its decision. Raises SettingsInvalid where the metric can't be loaded."""
    return _Judgement(trial, settings).evidence()


class _Judgement:
    """The working of one trial; it gathers problems and remarks instead of raising."""

    def __init__(self, trial: Trial, settings: Settings) -> None:
        self.trial, self.settings = trial, settings
        self.metric: Metric = metric(
            settings.metric, task=settings.task, higher_is_better=settings.higher_is_better
        )
        self.problems: list[Note] = list(trial.problems)
        self.notes: list[Note] = []
        self.sets: dict[str, Rows] = {}
        if trial.trusted is not None and len(trial.trusted):
            self.sets["trusted"] = trial.trusted
        if trial.new is not None and len(trial.new):
            self.sets["new"] = trial.new
        self.scale = Scale(self._classes(), class_name(settings.positive))
        self.answers: dict[tuple[str, str], list[Any]] = {}

    def evidence(self) -> Evidence:
        if "new" in self.sets:
            self._look_at_columns()
        elif not self.problems:
            self.problems.append(Note("EMPTY_BATCH", "no row was held out."))
        known = self._look_at_classes()
        self._answer("champion", self.trial.champion)
        self._answer("challenger", self.trial.challenger)
        recognised = self._recognised(known)
        comparisons = [each for name in self.sets for each in self._compared(name)]
        forecasts = self._forecasts() if "new" in self.sets else []
        found = Evidence(
            decision=decision("EMPTY_BATCH"),
            settings=self.settings,
            champion_expected=self.trial.champion is not None,
            task=self.metric.task,
            higher_is_better=self.metric.higher_is_better,
            recognised=recognised,
            problems=tuple(self.problems),
            notes=tuple(self.notes),
            comparisons=tuple(comparisons),
            baselines=tuple(forecasts),
            outcomes={name: self._outcomes(name) for name in self.sets},
            sources=self.trial.sources,
        )
        return self._released(dataclasses.replace(found, decision=decide(found)))

    def _released(self, found: Evidence) -> Evidence:
        """The evidence after a release, with a remark on what it overruled."""
        if self.trial.released is None:
            return found
        said, notes = found.decision, list(found.notes)
        if said.reason in OVERRULED:
            notes.append(Note("OVERRULED", f"{said.reason}: {said.sentence}"))
        for problem in found.problems:
            if problem.code in NO_CHAMPION:
                notes.append(Note("WITHOUT_CHAMPION", f"{problem.code}: {problem.sentence}"))
        new = found.whole("new")
        score = None if new is None else new.challenger
        if score is not None and not reaches(found, score, self.settings.floor):
            told = f"{self.settings.metric} {score:.4g}, the floor is {self.settings.floor:g}."
            notes.append(Note("CHALLENGER_BELOW_FLOOR", told))
        anew = dataclasses.replace(found, notes=tuple(notes), released=self.trial.released)
        return dataclasses.replace(anew, decision=decide(anew))

    def _classes(self) -> tuple[str, ...]:
        """All classes: as declared, or of the champion, then the challenger's and the labels' own."""
        if self.metric.task == "numbers":
            return ()
        if self.settings.classes:
            return tuple(class_name(each) for each in self.settings.classes)
        models = [self.trial.champion, self.trial.challenger]
        given = [model.classes for model in models if model is not None and model.classes is not None]
        found = [class_name(each) for classes in given for each in classes]
        if not found:
            found = sorted({label for rows in self.sets.values() for label in rows.labels})
        return tuple(dict.fromkeys(found))

    def _look_at_columns(self) -> None:
        new, trusted = self.sets["new"], self.sets.get("trusted")
        if trusted is not None and trusted.columns != new.columns:
            missing = [name for name in trusted.columns if name not in new.columns]
            more = [name for name in new.columns if name not in trusted.columns]
            told = f"missing: {', '.join(missing) or 'none'}; unknown: {', '.join(more) or 'none'}."
            self.problems.append(
                Note("COLUMNS_DIFFER", told if missing or more else "they have another order.")
            )
        if self.trial.champion is None:
            return
        if trusted is None:
            self.notes.append(Note("NO_TRUSTED_ROWS", "only the batch's own rows were compared."))
        elif len(trusted) < self.settings.least_rows:
            self.notes.append(Note("FEW_TRUSTED_ROWS", f"there are {len(trusted)} trusted rows."))

    def _look_at_classes(self) -> set[str] | None:
        """The classes that the champion knows; None where that isn't known or doesn't matter."""
        rows, champion = self.sets.get("new"), self.trial.champion
        if rows is None or self.metric.task == "numbers":
            return None
        present = set(rows.labels)
        if len(present) == 1:
            self._let("one-class", Note("ONE_CLASS", f"it is {rows.labels[0]!r}."))
        if champion is None:
            return None
        known = {
            class_name(each)
            for each in (self.settings.classes if champion.classes is None else champion.classes)
        }
        if not known and "trusted" in self.sets:
            known = set(self.sets["trusted"].labels)
        unseen = sorted(present - known) if known else []
        if unseen:
            counted = ", ".join(f"{name!r} ({rows.labels.count(name)} rows)" for name in unseen[:10])
            self._let("new-class", Note("NEW_CLASS", f"{counted}."))
        return known or None

    def _let(self, allowance: str, note: Note) -> None:
        (self.notes if allowance in self.settings.allow else self.problems).append(note)

    def _answer(self, who: str, model: Model | None) -> None:
        if model is None:
            return
        prefix = who.upper()
        if model.problem is not None:
            self.problems.append(Note(f"{prefix}_{model.problem.code}", model.problem.sentence))
            return
        for name, rows in self.sets.items():
            try:
                given = model.predictions[name]
                self.answers[who, name] = answers(
                    given, len(rows), self.metric.task, self.scale.classes, model.classes
                )
            except KeyError:
                self.problems.append(Note(f"{prefix}_SHAPE", f"there are no predictions of {name} rows."))
            except Unusable as error:
                self.problems.append(Note(f"{prefix}_{error.kind}", f"{name} rows: {error}."))

    def _recognised(self, known: set[str] | None) -> float | None:
        """The champion's score on the batch's own labels, of classes that it can know."""
        given, rows = self.answers.get(("champion", "new")), self.sets.get("new")
        if given is None or rows is None:
            return None
        pairs = [pair for pair in zip(rows.labels, given) if known is None or pair[0] in known]
        try:
            return scored(self.metric, self.scale, [label for label, _ in pairs], [each for _, each in pairs])
        except MetricUndefined as error:
            self.problems.append(Note(error.code, f"the champion on the batch's rows: {error}."))
            return None

    def _compared(self, name: str) -> list[Comparison]:
        rows = self.sets[name]
        blank = Comparison(rows_of=name, part="", rows=len(rows))
        models = [self.answers.get((who, name)) for who in ("challenger", "champion")]
        try:
            found = [
                compare(blank, self.metric, self.scale, rows.labels, models[0], models[1], self.settings)
            ]
        except MetricUndefined as error:
            self.problems.append(Note(error.code, f"{name} rows: {error}."))
            return [blank]
        for asked in self.settings.slices:
            places = slices.members(rows, asked)
            if places is None:
                self.notes.append(Note("NO_COLUMN", f"{name} rows have no column {asked.column!r}."))
            for part, members in (places or {}).items():
                found.append(self._sliced(name, part, members, models, asked))
        return found

    def _sliced(
        self, name: str, part: str, members: list[int], models: list[list[Any] | None], asked: Slice
    ) -> Comparison:
        enough = len(members) >= self.settings.least_slice_rows
        judged = asked.rule == "no-regression"
        if judged and not enough:
            self.notes.append(Note("SMALL_SLICE", f"{name} rows, {part}: {len(members)}."))
        floor = asked.floor if enough and name == "new" else None
        blank = Comparison(rows_of=name, part=part, rows=len(members), judged=judged and enough, floor=floor)
        labels = [self.sets[name].labels[place] for place in members]
        ours, theirs = ([each[place] for place in members] if each else None for each in models)
        try:
            return compare(blank, self.metric, self.scale, labels, ours, theirs, self.settings)
        except MetricUndefined as error:
            self.notes.append(Note("NO_DRAWS", f"{name} rows, {part}: {error}."))
            return dataclasses.replace(blank, judged=False)

    def _forecasts(self) -> list[Forecast]:
        found = []
        for title, name, given in baselines.forecasts(self.metric, self.scale, self.settings, self.sets):
            if given is None:
                self.notes.append(Note("NO_COLUMN", f"baseline {title!r}: {name} rows have no such column."))
                continue
            places = [place for place, each in enumerate(given) if each is not None]
            made = Forecast(
                name=title,
                rows_of=name,
                rows=len(places),
                score=self._part(name, given, places),
                challenger=self._part(name, self.answers.get(("challenger", name)), places),
                champion=self._part(name, self.answers.get(("champion", name)), places),
            )
            found.append(made)
            if name == "new" and self._as_good(made):
                told = f"{title}: {made.score:.4g}, the challenger {made.challenger:.4g}."
                self.notes.append(Note("BELOW_BASELINE", told))
        return found

    def _part(self, name: str, given: list[Any] | None, places: list[int]) -> float | None:
        """The score on some rows, for show: a score that doesn't exist is None."""
        labels = [self.sets[name].labels[place] for place in places]
        try:
            return scored(self.metric, self.scale, labels, given and [given[place] for place in places])
        except MetricUndefined:
            return None

    def _as_good(self, made: Forecast) -> bool:
        if made.score is None or made.challenger is None:
            return False
        better = made.challenger > made.score
        return not (better if self.metric.higher_is_better else made.challenger < made.score)

    def _outcomes(self, name: str) -> Outcomes:
        rows = self.sets[name]
        models = {
            who: outcome(self.metric.task, rows.labels, given, self.scale)
            for (who, of), given in self.answers.items()
            if of == name
        }
        return Outcomes(rows.digests, KINDS[self.metric.task], **models)
