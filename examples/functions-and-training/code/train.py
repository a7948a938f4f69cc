"""Trains a regression of a disease's progression, and measures it by held-out rows. A training script."""

import csv
import os
import pathlib

import joblib
import numpy
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def read(channel):
    """Features and targets of a channel's CSV files; the target is the last column."""
    rows = []
    for path in sorted(pathlib.Path(os.environ[f"SM_CHANNEL_{channel}"]).rglob("*.csv")):
        with path.open(newline="") as file:
            rows += [[float(value) for value in row] for row in list(csv.reader(file))[1:]]
    table = numpy.array(rows)
    return table[:, :-1], table[:, -1]


def main():
    features, targets = read("TRAIN")
    unseen, truth = read("HELD_OUT")
    model = make_pipeline(StandardScaler(), RidgeCV(alphas=[0.1, 1, 10, 100])).fit(features, targets)
    error = numpy.abs(model.predict(unseen) - truth).mean()
    guess = numpy.abs(targets.mean() - truth).mean()
    print(f"rows={len(targets)}; mean_absolute_error={error:.4f}; guess_error={guess:.4f};", flush=True)
    joblib.dump(model, pathlib.Path(os.environ["SM_MODEL_DIR"]) / "model.joblib")


if __name__ == "__main__":
    main()
