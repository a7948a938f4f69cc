"""How a trained model answers: CSV rows of 64 pixels in, one digit a line out."""

import os

import joblib


def model_fn(model_dir):
    return joblib.load(os.path.join(model_dir, "model.joblib"))


def input_fn(body, content_type):
    if content_type.split(";")[0].strip() != "text/csv":
        raise ValueError(f"send text/csv, not {content_type}")
    text = body.decode() if isinstance(body, bytes) else body
    rows = [[float(value) for value in line.split(",")] for line in text.split()]
    if any(len(row) != 64 for row in rows):
        raise ValueError("every line must have 64 pixels")
    return rows


def predict_fn(rows, model):
    return model.predict(rows)


def output_fn(prediction, accept):
    return "".join(f"{digit}\n" for digit in prediction)
