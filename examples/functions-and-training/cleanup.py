"""Deletes what executions made while they ran, and the program did not declare: run before `destroy`.

A model package group can only be deleted when it is empty. Speaks to whatever server or account the
environment names (`eval "$(stepwell env)"`, or an AWS profile).
"""

import sys

import boto3

NAME = sys.argv[1] if len(sys.argv) > 1 else "functions-and-training"


def executions():
    """The names of all executions: their training jobs are named after them."""
    states = boto3.client("stepfunctions")
    machines = states.get_paginator("list_state_machines").paginate()
    for machine in [item for page in machines for item in page["stateMachines"] if item["name"] == NAME]:
        pages = states.get_paginator("list_executions").paginate(stateMachineArn=machine["stateMachineArn"])
        yield from [item["name"] for page in pages for item in page["executions"]]


def main():
    sagemaker, logs = boto3.client("sagemaker"), boto3.client("logs")
    pages = sagemaker.get_paginator("list_model_packages").paginate(ModelPackageGroupName=NAME)
    for package in [item["ModelPackageArn"] for page in pages for item in page["ModelPackageSummaryList"]]:
        sagemaker.delete_model_package(ModelPackageName=package)
        print(f"deleted {package}")
    pages = sagemaker.get_paginator("list_training_jobs").paginate()
    jobs = {item["TrainingJobName"] for page in pages for item in page["TrainingJobSummaries"]}
    for job in jobs & set(executions()):
        sagemaker.delete_training_job(TrainingJobName=job)
        print(f"deleted training job {job}")
    group = "/aws/sagemaker/TrainingJobs"
    try:
        logs.delete_log_group(logGroupName=group)
    except logs.exceptions.ResourceNotFoundException:
        print(f"no log group {group}")
    else:
        print(f"deleted log group {group}")


if __name__ == "__main__":
    main()
