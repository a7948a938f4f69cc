"""Scores a model on rows that it was not trained on: a SageMaker processing script."""

import csv
import json
import pathlib
import tarfile
import tempfile

import joblib

INPUT = pathlib.Path("/opt/ml/processing")


def main():
    folder = tempfile.mkdtemp()
    with tarfile.open(next((INPUT / "model").rglob("model.tar.gz"))) as archive:
        archive.extract("model.joblib", folder)
    model = joblib.load(pathlib.Path(folder, "model.joblib"))
    with next((INPUT / "holdout").rglob("*.csv")).open(newline="") as file:
        rows = list(csv.reader(file))[1:]
    guesses = model.predict([[float(value) for value in row[1:]] for row in rows])
    right = sum(int(guess) == int(row[0]) for guess, row in zip(guesses, rows, strict=True))
    report = {"rows": len(rows), "right": right, "accuracy": round(right / len(rows), 4)}
    (INPUT / "report").mkdir(parents=True, exist_ok=True)
    (INPUT / "report" / "report.json").write_text(json.dumps(report))
    print(json.dumps(report), flush=True)


if __name__ == "__main__":
    main()
