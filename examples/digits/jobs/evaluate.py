"""Scores challenger and champion on the same rows: a SageMaker processing script.

It judges nothing: the scores go into `report.json`, and the state machine's Choice state is the gate.
"""

import csv
import json
import pathlib
import tarfile
import tempfile

import joblib
import numpy

INPUT = pathlib.Path("/opt/ml/processing")
OUTPUT = INPUT / "report"


def load_model(name):
    """The model in an input's model.tar.gz, or None when there is no such input."""
    found = list((INPUT / name).rglob("model.tar.gz"))
    if not found:
        return None
    folder = tempfile.mkdtemp()
    with tarfile.open(found[0]) as archive:
        archive.extract("model.joblib", folder)
    return joblib.load(pathlib.Path(folder, "model.joblib"))


def load_rows(name):
    rows = []
    for path in sorted((INPUT / name).rglob("*.csv")):
        with path.open(newline="") as file:
            rows += [[int(value) for value in line] for line in csv.reader(file)]
    return numpy.array(rows, dtype=numpy.int64).reshape(len(rows), 65)


def accuracy(model, rows):
    """The share of rows that the model reads right; 1.0 for none, so that nothing is held against it."""
    if len(rows) == 0:
        return 1.0
    return round(float((model.predict(rows[:, 1:]) == rows[:, 0]).mean()), 4)


def main():
    challenger, champion = load_model("challenger"), load_model("champion")
    new, trusted = load_rows("new"), load_rows("trusted")
    report = {
        "rows": {"new": len(new), "trusted": len(trusted)},
        "challenger": {"new": accuracy(challenger, new), "trusted": accuracy(challenger, trusted)},
    }
    if champion is not None:
        report["champion"] = {"new": accuracy(champion, new), "trusted": accuracy(champion, trusted)}
        report["trusted_loss"] = round(report["champion"]["trusted"] - report["challenger"]["trusted"], 4)
        report["new_loss"] = round(report["champion"]["new"] - report["challenger"]["new"], 4)
    OUTPUT.mkdir(parents=True, exist_ok=True)
    (OUTPUT / "report.json").write_text(json.dumps(report))
    print(json.dumps(report), flush=True)


if __name__ == "__main__":
    main()
