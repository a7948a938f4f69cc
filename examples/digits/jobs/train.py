"""Trains a random forest on all accepted batches and the new one: a SageMaker training script."""

import argparse
import csv
import os
import pathlib

import joblib
import numpy
from sklearn.ensemble import RandomForestClassifier


def read_rows(folder):
    """Pixels and labels of all CSV files below `folder`, each with a header."""
    rows = []
    for path in sorted(pathlib.Path(folder).rglob("*.csv")):
        with path.open(newline="") as file:
            lines = csv.reader(file)
            next(lines)
            rows += [[int(value) for value in line] for line in lines]
    table = numpy.array(rows, dtype=numpy.int64)
    return table[:, 1:], table[:, 0]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--n-estimators", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    options, _ = parser.parse_known_args()
    pixels, labels = read_rows(os.environ["SM_CHANNEL_TRAIN"])
    model = RandomForestClassifier(options.n_estimators, random_state=options.seed, oob_score=True)
    model.fit(pixels, labels)
    print(f"rows={len(labels)}; out_of_bag_accuracy={model.oob_score_:.4f};", flush=True)
    joblib.dump(model, pathlib.Path(os.environ["SM_MODEL_DIR"]) / "model.joblib")


if __name__ == "__main__":
    main()
