"""Starts a training job for every CSV that lands in the bucket under `data/`."""

import os
import re
from urllib.parse import unquote_plus

import boto3

sagemaker = boto3.client("sagemaker")

#: characters of a training job's name
LONGEST = 63


def handler(event, context):
    """S3's notification in, the names of the started jobs out."""
    return [start(record["s3"]["bucket"]["name"], record["s3"]["object"]) for record in event["Records"]]


def start(bucket, item):
    """Start the job of one object.

    The job is named after the object and its sequencer, so that the same notification twice starts it once.
    """
    key = unquote_plus(item["key"])
    prefix, sequencer = os.environ["JOB_PREFIX"], item["sequencer"]
    file = re.sub(r"[^A-Za-z0-9-]+", "-", key.rsplit("/", 1)[-1].removesuffix(".csv")).strip("-") or "data"
    name = f"{prefix}-{file[: LONGEST - len(prefix) - len(sequencer) - 2]}-{sequencer}"
    try:
        sagemaker.create_training_job(
            TrainingJobName=name,
            RoleArn=os.environ["JOB_ROLE_ARN"],
            AlgorithmSpecification={
                "TrainingImage": os.environ["IMAGE"],
                "TrainingInputMode": "File",
                "MetricDefinitions": [
                    {"Name": "out_of_bag_accuracy", "Regex": "out_of_bag_accuracy=([0-9.]+);"}
                ],
            },
            HyperParameters={
                "sagemaker_program": "train.py",
                "sagemaker_submit_directory": os.environ["CODE"],
            },
            InputDataConfig=[
                {
                    "ChannelName": "train",
                    "DataSource": {
                        "S3DataSource": {
                            "S3DataType": "S3Prefix",
                            "S3Uri": f"s3://{bucket}/{key}",
                            "S3DataDistributionType": "FullyReplicated",
                        }
                    },
                }
            ],
            OutputDataConfig={"S3OutputPath": f"s3://{bucket}/models"},
            ResourceConfig={"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 10},
            StoppingCondition={"MaxRuntimeInSeconds": 3600},
        )
    except sagemaker.exceptions.ResourceInUse:
        print(f"{name} was started already")
    else:
        print(f"started {name} on s3://{bucket}/{key}")
    return name
