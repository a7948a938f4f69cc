"""Starts the workflow for every CSV that lands in the bucket under `data/`."""

import json
import os
import re
from urllib.parse import unquote_plus

import boto3

states = boto3.client("stepfunctions")

#: characters of a SageMaker job's name, which is the execution's
LONGEST = 63


def handler(event, context):
    """S3's notification in, the started executions' ARNs out.

    The execution is named after the object and its sequencer, so that the same notification twice
    starts it once.
    """
    started = []
    for record in event["Records"]:
        bucket = record["s3"]["bucket"]["name"]
        key = unquote_plus(record["s3"]["object"]["key"])
        sequencer = record["s3"]["object"]["sequencer"]
        file = key.rsplit("/", 1)[-1].removesuffix(".csv")
        batch = re.sub(r"[^A-Za-z0-9-]+", "-", file).strip("-") or "batch"
        name = f"{batch[: LONGEST - 1 - len(sequencer)]}-{sequencer}"
        try:
            reply = states.start_execution(
                stateMachineArn=os.environ["STATE_MACHINE_ARN"],
                name=name,
                input=json.dumps({"bucket": bucket, "key": key, "batch": name}),
            )
        except states.exceptions.ExecutionAlreadyExists:
            continue
        started.append(reply["executionArn"])
    return started
