"""Deletes what executions made while they ran, and the program did not declare: run before `destroy`.

Speaks to whatever server or account the environment names (`eval "$(stepwell env)"`, or an AWS profile).
"""

import sys

import boto3
from botocore.exceptions import ClientError

NAME = sys.argv[1] if len(sys.argv) > 1 else "retraining-workflow"


def tried(what, call, **parameters):
    """Make a call; what isn't there needs no deleting."""
    try:
        call(**parameters)
    except ClientError as error:
        if "not find" not in str(error) and "NotFound" not in error.response["Error"]["Code"]:
            raise
    else:
        print(f"deleted {what}")


def executions():
    """The names of all executions: what they made is named after them."""
    states = boto3.client("stepfunctions")
    machines = states.get_paginator("list_state_machines").paginate()
    for machine in [item for page in machines for item in page["stateMachines"] if item["name"] == NAME]:
        pages = states.get_paginator("list_executions").paginate(stateMachineArn=machine["stateMachineArn"])
        yield from [item["name"] for page in pages for item in page["executions"]]


def main():
    sagemaker, logs = boto3.client("sagemaker"), boto3.client("logs")
    tried(f"endpoint {NAME}", sagemaker.delete_endpoint, EndpointName=NAME)
    for run in executions():
        tried(f"endpoint config {run}", sagemaker.delete_endpoint_config, EndpointConfigName=run)
        tried(f"model {run}", sagemaker.delete_model, ModelName=run)
        tried(f"processing job {run}", sagemaker.delete_processing_job, ProcessingJobName=run)
        tried(f"training job {run}", sagemaker.delete_training_job, TrainingJobName=run)
    for group in ("TrainingJobs", "ProcessingJobs", f"Endpoints/{NAME}"):
        name = f"/aws/sagemaker/{group}"
        tried(f"log group {name}", logs.delete_log_group, logGroupName=name)


if __name__ == "__main__":
    main()
