"""Trains a classifier of irises on one CSV file: a SageMaker training script."""

import argparse
import csv
import json
import os
import pathlib

import joblib
from sklearn.ensemble import RandomForestClassifier

HEADER = ["species", "sepal_length", "sepal_width", "petal_length", "petal_width"]


def read(folder):
    """Features and labels of the folder's CSV file. Raises ValueError naming the line that is wrong."""
    path = next(pathlib.Path(folder).rglob("*.csv"))
    with path.open(newline="") as file:
        rows = list(csv.reader(file))
    if rows[:1] != [HEADER]:
        raise ValueError(f"{path.name}, line 1: the header must be {','.join(HEADER)}")
    features, labels = [], []
    for number, row in enumerate(rows[1:], 2):
        try:
            species, *measured = row
            features.append([float(value) for value in measured])
        except ValueError as error:
            raise ValueError(f"{path.name}, line {number}: {error}") from None
        if len(measured) != len(HEADER) - 1:
            raise ValueError(f"{path.name}, line {number}: {len(row)} columns, not {len(HEADER)}")
        labels.append(species)
    return features, labels


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--n-estimators", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    options, _ = parser.parse_known_args()
    features, labels = read(os.environ["SM_CHANNEL_TRAIN"])
    model = RandomForestClassifier(options.n_estimators, random_state=options.seed, oob_score=True)
    model.fit(features, labels)
    print(f"rows={len(labels)}; out_of_bag_accuracy={model.oob_score_:.4f};", flush=True)
    folder = pathlib.Path(os.environ["SM_MODEL_DIR"])
    joblib.dump(model, folder / "model.joblib")
    about = {"rows": len(labels), "classes": sorted(set(labels)), "accuracy": round(model.oob_score_, 4)}
    (folder / "about.json").write_text(json.dumps(about))


if __name__ == "__main__":
    main()
