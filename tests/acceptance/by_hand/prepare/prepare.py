"""Checks a batch, splits it, and says what the training and the evaluation need.

A quarter of the rows is held out: the batch's own evaluation set, and, once the batch is accepted, part
of the trusted rows that no model is ever trained on.
"""

import csv
import hashlib
import io
import json
import os

import boto3

s3 = boto3.client("s3")
sagemaker = boto3.client("sagemaker")

PIXELS = 64
HEADER = ["label"] + [f"p{number}" for number in range(PIXELS)]
LEAST_ROWS = 20


class MalformedBatch(Exception):
    """The file is not a batch of digits; the message names the row and the column."""


class FailedEndpoint(Exception):
    """The endpoint's first deployment failed: SageMaker lets it only be deleted."""


def handler(event, context):
    bucket, key, batch = event["bucket"], event["key"], event["batch"]
    text = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    rows = parse(text)
    train = [row for row in rows if not held_out(row)]
    new = [row for row in rows if held_out(row)]
    folder = f"batches/{batch}"
    put_rows(bucket, f"{folder}/train.csv", train)
    put_rows(bucket, f"{folder}/new.csv", new)
    accepted = accepted_batches(bucket)
    champion = champion_model()
    manifest = [{"prefix": f"s3://{bucket}/"}]
    manifest += [f"batches/{name}/train.csv" for name in [*accepted, batch]]
    s3.put_object(Bucket=bucket, Key=f"{folder}/train.manifest", Body=json.dumps(manifest).encode())
    trusted = [{"prefix": f"s3://{bucket}/"}] + [f"batches/{name}/new.csv" for name in accepted]
    s3.put_object(Bucket=bucket, Key=f"{folder}/trusted.manifest", Body=json.dumps(trusted).encode())
    challenger = f"s3://{bucket}/models/{batch}/output/model.tar.gz"
    inputs = [
        channel("challenger", challenger),
        channel("new", f"s3://{bucket}/{folder}/new.csv"),
        channel("code", f"s3://{bucket}/code/gate.zip"),
        channel("config", f"s3://{bucket}/code/gate.json"),
    ]
    if champion:
        inputs.append(channel("champion", champion))
    if accepted:
        inputs.append(channel("trusted", f"s3://{bucket}/{folder}/trusted.manifest", "ManifestFile"))
    return {
        "rows": len(rows),
        "train_rows": len(train),
        "new_rows": len(new),
        "has_champion": champion is not None,
        "train_manifest": f"s3://{bucket}/{folder}/train.manifest",
        "challenger": challenger,
        "evaluation_inputs": inputs,
        "report_folder": f"s3://{bucket}/{folder}/report",
        "evidence": f"s3://{bucket}/{folder}/report/evidence.json",
        "summary_key": f"{folder}/report/summary.json",
        "accepted_key": f"accepted/{batch}.json",
        "quarantine_key": f"quarantine/{batch}.json",
    }


def parse(data):
    """The rows as lists of integers, label first. Raises MalformedBatch."""
    try:
        lines = list(csv.reader(io.StringIO(data.decode("utf-8"))))
    except (UnicodeDecodeError, csv.Error) as error:
        raise MalformedBatch(f"the file is not a CSV in UTF-8: {error}") from None
    if not lines or lines[0] != HEADER:
        raise MalformedBatch(f"the first line must be the header label,p0,...,p{PIXELS - 1}")
    rows = []
    for number, line in enumerate(lines[1:], 2):
        if len(line) != len(HEADER):
            raise MalformedBatch(f"line {number} has {len(line)} columns, not {len(HEADER)}")
        row = []
        for name, value in zip(HEADER, line, strict=True):
            most = 9 if name == "label" else 16
            if not value.isdigit() or int(value) > most:
                raise MalformedBatch(
                    f"line {number}, column {name}: {value!r} is not a number from 0 to {most}"
                )
            row.append(int(value))
        rows.append(row)
    if len(rows) < LEAST_ROWS:
        raise MalformedBatch(f"the batch has {len(rows)} rows; {LEAST_ROWS} are needed to hold some out")
    return rows


def held_out(row):
    """Whether a scan is held out: decided by its pixels alone, so that its copy in a later batch is too."""
    return hashlib.sha256(bytes(row[1:])).digest()[0] % 4 == 0


def put_rows(bucket, key, rows):
    text = "".join(",".join(map(str, row)) + "\n" for row in rows)
    s3.put_object(Bucket=bucket, Key=key, Body=text.encode())


def accepted_batches(bucket):
    """The names of accepted batches, oldest first."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="accepted/")
    found = [entry for page in pages for entry in page.get("Contents", [])]
    found.sort(key=lambda entry: entry["LastModified"])
    return [entry["Key"].removeprefix("accepted/").removesuffix(".json") for entry in found]


def champion_model():
    """Where the model that is in service lies in S3; None before the first."""
    name = os.environ["ENDPOINT_NAME"]
    try:
        endpoint = sagemaker.describe_endpoint(EndpointName=name)
    except sagemaker.exceptions.ClientError as error:
        if "Could not find" in str(error):
            return None
        raise
    if endpoint["EndpointStatus"] == "Failed":
        raise FailedEndpoint(f"endpoint {name} takes no model any more: delete it, then upload again")
    if endpoint["EndpointStatus"] == "Creating":
        return None
    config = sagemaker.describe_endpoint_config(EndpointConfigName=endpoint["EndpointConfigName"])
    model = sagemaker.describe_model(ModelName=config["ProductionVariants"][0]["ModelName"])
    return model["PrimaryContainer"]["ModelDataUrl"]


def channel(name, uri, kind="S3Prefix"):
    return {
        "InputName": name,
        "S3Input": {
            "S3Uri": uri,
            "LocalPath": f"/opt/ml/processing/{name}",
            "S3DataType": kind,
            "S3InputMode": "File",
        },
    }
