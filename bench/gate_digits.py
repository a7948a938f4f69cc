"""The gate on real handwriting: which batches it lets pass, which it stops, counted over ten seeds.

Runs with an image's Python, which has scikit-learn, and writes its table into docs/gate.md:

    $(stepwell images --build IMAGE) bench/gate_digits.py [--write]

Batches are whole forms, filled in by different people: A (forms 1-2) makes the first champion, B (3-6) is
good, C (7-10) comes good and corrupted in four ways; forms 11-14 (D) are never used but for the last column.
A seed splits each batch (a quarter is held out) and seeds the models.
"""

from __future__ import annotations

import itertools
import random
import sys
from collections import Counter, defaultdict
from pathlib import Path
from statistics import mean

import numpy
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src" / "stepwell" / "retrain"))

from gate import Settings, Trial, judge  # noqa: E402
from gate.rows import Rows, digest  # noqa: E402
from gate.settings import Slice  # noqa: E402
from gate.trial import Model  # noqa: E402

PAGE = ROOT / "docs" / "gate.md"
MARKS = ("<!-- digits: begin -->", "<!-- digits: end -->")
SEEDS = range(10)
#: where each of the 14 forms begins
FORMS = (0, 130, 256, 386, 516, 646, 776, 905, 1029, 1157, 1287, 1415, 1545, 1667, 1797)
SETTINGS = Settings(floor=0.5, metric="accuracy", rule="not-worse", margin=0.05)
#: the same, and the champion has to recognise each digit
BY_CLASS = SETTINGS.changed(slices=(Slice("label", rule="show", floor=0.3),), least_slice_rows=5)
MODELS = {
    "random forest": lambda seed: RandomForestClassifier(100, random_state=seed),
    "logistic regression": lambda seed: make_pipeline(
        StandardScaler(), LogisticRegression(max_iter=2000, random_state=seed)
    ),
}


def forms(first, last):
    """Pixels and labels of the forms `first` to `last`, counted from 1."""
    pixels, labels = load_digits(return_X_y=True)
    part = slice(FORMS[first - 1], FORMS[last])
    return pixels[part], labels[part]


def shuffled(pixels, labels, seed):
    return pixels, numpy.random.RandomState(seed).permutation(labels)


def shifted(pixels, labels, seed):
    return pixels, (labels + 1) % 10


def negative(pixels, labels, seed):
    return 16 - pixels, labels


def swapped(pixels, labels, seed):
    """Threes are called eights and eights threes: most labels are right."""
    return pixels, numpy.where(labels == 3, 8, numpy.where(labels == 8, 3, labels))


def good(pixels, labels, seed):
    return pixels, labels


#: how C comes, and under which settings
VARIANTS = {
    "C shuffled labels": (shuffled, SETTINGS),
    "C labels shifted by one": (shifted, SETTINGS),
    "C as a negative": (negative, SETTINGS),
    "C good": (good, SETTINGS),
    "C threes and eights swapped": (swapped, SETTINGS),
    "C threes and eights swapped, a floor for each digit": (swapped, BY_CLASS),
    "C good, a floor for each digit": (good, BY_CLASS),
}


def split(batch, seed):
    """The rows to train on, and the quarter that is held out."""
    pixels, labels = batch
    order = list(range(len(labels)))
    random.Random(seed).shuffle(order)
    held = len(order) // 4
    return tuple((pixels[part], labels[part]) for part in (order[held:], order[:held]))


def joined(*parts):
    return tuple(numpy.concatenate(each) for each in zip(*parts, strict=True))


def rows(part):
    """Rows as the gate's job reads them."""
    pixels, labels = part
    cells = tuple(tuple(str(int(value)) for value in row) for row in pixels)
    named = tuple(str(int(label)) for label in labels)
    digests = tuple(digest((label, *row)) for label, row in zip(named, cells, strict=True))
    return Rows(tuple(str(at) for at in range(1, 65)), cells, named, digests)


def answered(model, **sets):
    given = {name: model.predict(part[0]) for name, part in sets.items() if part is not None}
    return Model(given, model.classes_.tolist())


def gated(challenger, champion, new, trusted, settings=SETTINGS):
    found = judge(
        Trial(
            new=rows(new),
            trusted=rows(trusted) if trusted else None,
            challenger=answered(challenger, new=new, trusted=trusted),
            champion=answered(champion, new=new, trusted=trusted) if champion else None,
        ),
        settings,
    )
    return found.decision


class Course:
    """One seed of one kind of model: the batches in turn, and what the gate says to each."""

    def __init__(self, make, seed):
        self.make, self.seed = make, seed
        self.never = forms(11, 14)

    def run(self):
        """(batch, decision, accuracy on forms D of the champion afterwards) for each batch."""
        a_train, a_held = split(forms(1, 2), self.seed)
        first = self.fitted(a_train)
        yield "A first", gated(first, None, a_held, None), first.score(*self.never)
        b_train, b_held = split(forms(3, 6), self.seed)
        second = self.fitted(joined(a_train, b_train))
        said = gated(second, first, b_held, a_held)
        accepted = said.outcome == "DEPLOY"
        champion = second if accepted else first
        yield "B good", said, champion.score(*self.never)
        train = joined(a_train, b_train) if accepted else a_train
        trusted = joined(a_held, b_held) if accepted else a_held
        for name, (corrupt, settings) in VARIANTS.items():
            c_train, c_held = split(corrupt(*forms(7, 10), self.seed), self.seed)
            third = self.fitted(joined(train, c_train))
            said = gated(third, champion, c_held, trusted, settings)
            after = third if said.outcome == "DEPLOY" else champion
            yield name, said, after.score(*self.never)

    def fitted(self, part):
        return self.make(self.seed).fit(*part)


def table(found):
    """The lines of a Markdown table: decisions counted, by model and batch."""
    head = ("model", "batch", "deployed", "kept", "quarantined", "reasons", "forms D afterwards")
    yield "| " + " | ".join(head) + " |"
    yield "|" + " --- |" * len(head)
    for (model, batch), results in found.items():
        outcomes = Counter(said.outcome for said, _ in results)
        reasons = Counter(said.reason for said, _ in results)
        told = ", ".join(f"{reason} {count}" for reason, count in reasons.most_common())
        scores = [score for _, score in results]
        counted = [str(outcomes[each]) for each in ("DEPLOY", "KEEP", "QUARANTINE")]
        spread = f"{mean(scores):.3f} ({min(scores):.3f} to {max(scores):.3f})"
        yield "| " + " | ".join((model, batch, *counted, told, spread)) + " |"


def main():
    found = defaultdict(list)
    for (name, make), seed in itertools.product(MODELS.items(), SEEDS):
        for batch, said, score in Course(make, seed).run():
            found[name, batch].append((said, score))
            sys.stderr.write(f"{name}, seed {seed}, {batch}: {said.reason}: {said.sentence}\n")
    text = "\n".join(table(found))
    sys.stdout.write(f"{text}\n")
    if "--write" in sys.argv[1:]:
        page = PAGE.read_text("utf-8")
        before, rest = page.split(MARKS[0])
        PAGE.write_text(f"{before}{MARKS[0]}\n{text}\n{MARKS[1]}{rest.split(MARKS[1])[1]}", "utf-8")


if __name__ == "__main__":
    main()
