"""Trains a random forest on all accepted batches and the new one: a SageMaker training script."""

import argparse
import csv
import os
import pathlib
import shutil
import sys

import joblib
import numpy
from sklearn.ensemble import RandomForestClassifier


def read_rows(folder):
    """Pixels and labels of all CSV files below `folder`."""
    rows = []
    for path in sorted(pathlib.Path(folder).rglob("*.csv")):
        with path.open(newline="") as file:
            rows += [[int(value) for value in line] for line in csv.reader(file)]
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
    sys.stdout.write(f"rows={len(labels)}; out_of_bag_accuracy={model.oob_score_:.4f};\n")
    folder = pathlib.Path(os.environ["SM_MODEL_DIR"])
    joblib.dump(model, folder / "model.joblib")
    (folder / "code").mkdir(exist_ok=True)
    shutil.copy(pathlib.Path(__file__).with_name("inference.py"), folder / "code" / "inference.py")


if __name__ == "__main__":
    main()
