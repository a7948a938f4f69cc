"""Trains a forecast of the flow a day ahead: a SageMaker training script."""

import argparse
import csv
import os
import pathlib
import shutil

import joblib
import numpy
from sklearn.ensemble import GradientBoostingRegressor

#: what a forecast may know, as in Prepare's columns
KNOWN = ["yesterday", "median", "mean", "least", "hour", "weekday"]


def read_rows(folder):
    """What was known, and what came, of all CSV files below `folder`."""
    rows = []
    for path in sorted(pathlib.Path(folder).rglob("*.csv")):
        with path.open(newline="") as file:
            rows += list(csv.DictReader(file))
    known = numpy.array([[float(row[name]) for name in KNOWN] for row in rows])
    return known, numpy.array([float(row["flow"]) for row in rows])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--trees", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    options, _ = parser.parse_known_args()
    known, flow = read_rows(os.environ["SM_CHANNEL_TRAIN"])
    model = GradientBoostingRegressor(
        loss="absolute_error", n_estimators=options.trees, max_depth=2, random_state=options.seed
    )
    model.fit(known, flow)
    print(
        f"rows={len(flow)}; training_error={numpy.abs(model.predict(known) - flow).mean():.4f};", flush=True
    )
    folder = pathlib.Path(os.environ["SM_MODEL_DIR"])
    joblib.dump(model, folder / "model.joblib")
    (folder / "code").mkdir(exist_ok=True)
    shutil.copy(pathlib.Path(__file__).with_name("inference.py"), folder / "code" / "inference.py")


if __name__ == "__main__":
    main()
