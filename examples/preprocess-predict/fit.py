"""Fits the model that `predict/` carries: logistic regression on scikit-learn's breast cancer data.

A function's package should be small, so the model goes in as numbers: run this with a Python that has
scikit-learn, and it writes `predict/model.json` and `data/patients.json`.
"""

import json
import pathlib

from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

HERE = pathlib.Path(__file__).parent
#: the measurements that the model looks at
FEATURES = ["mean radius", "mean texture", "mean smoothness", "mean concavity", "mean symmetry"]


def main():
    data = load_breast_cancer(as_frame=False)
    columns = [list(data.feature_names).index(name) for name in FEATURES]
    table = data.data[:, columns]
    train_x, test_x, train_y, test_y = train_test_split(table, data.target, test_size=0.2, random_state=0)
    scaler = StandardScaler().fit(train_x)
    model = LogisticRegression().fit(scaler.transform(train_x), train_y)
    accuracy = float(model.score(scaler.transform(test_x), test_y))
    fitted = {
        "features": FEATURES,
        "mean": [round(float(value), 6) for value in scaler.mean_],
        "scale": [round(float(value), 6) for value in scaler.scale_],
        "weights": [round(float(value), 6) for value in model.coef_[0]],
        "bias": round(float(model.intercept_[0]), 6),
        "classes": [str(name) for name in data.target_names],
        "accuracy": round(accuracy, 4),
        "rows": {"train": len(train_y), "test": len(test_y)},
    }
    (HERE / "predict" / "model.json").write_text(json.dumps(fitted, indent=1) + "\n")
    patients = [
        {
            "patient": number,
            **{name: float(value) for name, value in zip(FEATURES, row, strict=True)},
            "diagnosis": str(data.target_names[label]),
        }
        for number, (row, label) in enumerate(zip(test_x[:20], test_y[:20], strict=True), 1)
    ]
    (HERE / "data" / "patients.json").write_text(json.dumps({"patients": patients}, indent=1) + "\n")
    print(f"accuracy on {len(test_y)} held-out rows: {accuracy:.4f}")


if __name__ == "__main__":
    main()
