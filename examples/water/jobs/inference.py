"""How a forecast answers: CSV rows of all columns but the flow in, a flow a line out."""

import csv
import io
import os

import joblib


def model_fn(model_dir):
    return joblib.load(os.path.join(model_dir, "model.joblib"))


def input_fn(body, content_type):
    if content_type.split(";")[0].strip() != "text/csv":
        raise ValueError(f"send text/csv, not {content_type}")
    text = body.decode() if isinstance(body, bytes) else body
    # the first column is the time, which the forecast doesn't need
    return [[float(value) for value in line[1:]] for line in csv.reader(io.StringIO(text)) if line]


def predict_fn(rows, model):
    return model.predict(rows)


def output_fn(prediction, accept):
    return "".join(f"{flow:.3f}\n" for flow in prediction)
