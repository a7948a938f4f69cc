"""Trains a classifier of wines: a SageMaker training script."""

import argparse
import csv
import json
import os
import pathlib
import shutil

import joblib
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def read(folder):
    """Features and labels of all CSV files in `folder`; the first line is a header, the label comes first."""
    features, labels = [], []
    for path in sorted(pathlib.Path(folder).glob("*.csv")):
        with path.open(newline="") as file:
            for row in list(csv.reader(file))[1:]:
                labels.append(int(row[0]))
                features.append([float(value) for value in row[1:]])
    return features, labels


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--regularisation", type=float, default=1.0)
    options, _ = parser.parse_known_args()
    features, labels = read(os.environ["SM_CHANNEL_TRAIN"])
    model = make_pipeline(StandardScaler(), LogisticRegression(C=options.regularisation, max_iter=500))
    scores = cross_val_score(model, features, labels, cv=3)
    print(f"rows={len(labels)}; cross_validation_accuracy={scores.mean():.4f};", flush=True)
    model.fit(features, labels)
    folder = pathlib.Path(os.environ["SM_MODEL_DIR"])
    joblib.dump(model, folder / "model.joblib")
    (folder / "trained-on.json").write_text(json.dumps({"rows": len(labels)}))
    (folder / "code").mkdir(exist_ok=True)
    shutil.copy(pathlib.Path(__file__).with_name("inference.py"), folder / "code" / "inference.py")


if __name__ == "__main__":
    main()
