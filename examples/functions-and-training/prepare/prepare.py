"""Splits the table of patients into rows to train on and rows to judge by."""

import csv
import hashlib
import io

import boto3

s3 = boto3.client("s3")

#: the first columns and the last of a table; the one that is predicted comes last
TARGET = "progression"
LEAST_ROWS = 50


class UnusableTable(Exception):
    """The table can't be trained on; the message says why."""


def handler(event, context):
    """`{"bucket", "key", "run"}` in; where the parts lie, and how many rows each has, out."""
    bucket, key, run = event["bucket"], event["key"], event["run"]
    text = s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode()
    header, *rows = list(csv.reader(io.StringIO(text)))
    if header[-1] != TARGET:
        raise UnusableTable(f"{key}: the last column must be {TARGET}, not {header[-1]}")
    for number, row in enumerate(rows, 2):
        try:
            [float(value) for value in row]
        except ValueError as error:
            raise UnusableTable(f"{key}, line {number}: {error}") from None
        if len(row) != len(header):
            raise UnusableTable(f"{key}, line {number}: {len(row)} columns, not {len(header)}")
    if len(rows) < LEAST_ROWS:
        raise UnusableTable(f"{key} has {len(rows)} rows; {LEAST_ROWS} are needed")
    train = [row for row in rows if not is_held_out(row)]
    held_out = [row for row in rows if is_held_out(row)]
    for name, part in (("train", train), ("held-out", held_out)):
        put(bucket, f"runs/{run}/{name}/{name}.csv", [header, *part])
    print(f"{len(train)} rows to train on, {len(held_out)} held out")
    return {
        "train": f"s3://{bucket}/runs/{run}/train/",
        "held_out": f"s3://{bucket}/runs/{run}/held-out/",
        "rows": {"train": len(train), "held_out": len(held_out)},
    }


def is_held_out(row):
    """Decided by the row alone, so that it is on the same side in every run."""
    return hashlib.sha256(",".join(row).encode()).digest()[0] % 4 == 0


def put(bucket, key, rows):
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    s3.put_object(Bucket=bucket, Key=key, Body=text.getvalue().encode())
