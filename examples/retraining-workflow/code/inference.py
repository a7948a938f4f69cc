"""How a trained model answers: CSV rows of 13 measurements in, one cultivar a line out."""

import pathlib

import joblib

FEATURES = 13


def model_fn(model_dir):
    return joblib.load(pathlib.Path(model_dir, "model.joblib"))


def input_fn(body, content_type):
    if content_type.split(";")[0].strip() != "text/csv":
        raise ValueError(f"send text/csv, not {content_type}")
    text = body.decode() if isinstance(body, bytes) else body
    rows = [[float(value) for value in line.split(",")] for line in text.split()]
    if any(len(row) != FEATURES for row in rows):
        raise ValueError(f"every line must have {FEATURES} numbers")
    return rows


def predict_fn(rows, model):
    return model.predict(rows)


def output_fn(prediction, accept):
    return "".join(f"{cultivar}\n" for cultivar in prediction)
