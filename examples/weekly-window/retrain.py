"""Retrains the model of a bucket on all tables in it, and makes it the current one if it is better.

Runs on the machine itself, with the machine's credentials, where scikit-learn and boto3 are installed.
"""

import csv
import io
import json
import os
import time

import boto3
import joblib
import numpy
from sklearn.ensemble import GradientBoostingRegressor

s3 = boto3.client("s3")


def tables(bucket):
    """Rows of all CSV files under data/, the headers left out; the last column is what is predicted."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="data/")
    for key in [item["Key"] for page in pages for item in page.get("Contents", [])]:
        text = s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode()
        yield from list(csv.reader(io.StringIO(text)))[1:]


def current(bucket):
    """What is known of the current model; None before the first."""
    try:
        return json.loads(s3.get_object(Bucket=bucket, Key="models/current.json")["Body"].read())
    except s3.exceptions.NoSuchKey:
        return None


def main():
    bucket, run = os.environ["BUCKET"], os.environ["RUN"]
    table = numpy.array([[float(value) for value in row] for row in tables(bucket)])
    held_out = numpy.arange(len(table)) % 4 == 0
    train, unseen = table[~held_out], table[held_out]
    model = GradientBoostingRegressor(random_state=0).fit(train[:, :-1], train[:, -1])
    error = round(float(numpy.abs(model.predict(unseen[:, :-1]) - unseen[:, -1]).mean()), 4)
    before = current(bucket)
    better = before is None or error < before["mean_absolute_error"]
    print(f"{len(train)} rows trained on, {len(unseen)} held out: mean absolute error {error:.2f}")
    if not better:
        print(f"the current model stays: its error is {before['mean_absolute_error']:.2f}")
        return
    packed = io.BytesIO()
    joblib.dump(model, packed)
    s3.put_object(Bucket=bucket, Key=f"models/{run}/model.joblib", Body=packed.getvalue())
    about = {
        "run": run,
        "rows": len(train),
        "mean_absolute_error": error,
        "trained_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
    s3.put_object(Bucket=bucket, Key="models/current.json", Body=json.dumps(about).encode())
    print(f"models/{run}/model.joblib is the current model")


if __name__ == "__main__":
    main()
