"""Predicts with the logistic regression in `model.json`, which `fit.py` fitted."""

import json
import math
import pathlib

MODEL = json.loads(pathlib.Path(__file__).with_name("model.json").read_text())


def handler(event, context):
    """What preprocess gives in, one prediction for each patient out."""
    predictions = [
        {"patient": patient, **predict(row)}
        for patient, row in zip(event["patients"], event["rows"], strict=True)
    ]
    print(f"{len(predictions)} predictions")
    return {"predictions": predictions, "model_accuracy": MODEL["accuracy"]}


def predict(row):
    """The likelier class of one row, and how likely it is."""
    terms = zip(row, MODEL["mean"], MODEL["scale"], MODEL["weights"], strict=True)
    score = MODEL["bias"] + sum((value - mean) / scale * weight for value, mean, scale, weight in terms)
    likely = 1 / (1 + math.exp(-score))
    first, second = MODEL["classes"]
    name, probability = (second, likely) if likely >= 0.5 else (first, 1 - likely)
    return {"diagnosis": name, "probability": round(probability, 4)}
