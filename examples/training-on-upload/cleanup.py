"""Deletes what uploads made and the program did not declare: training jobs, and their log group.

Speaks to whatever server or account the environment names (`eval "$(stepwell env)"`, or an AWS profile).
"""

import sys

import boto3

NAME = sys.argv[1] if len(sys.argv) > 1 else "training-on-upload"


def main():
    sagemaker, logs = boto3.client("sagemaker"), boto3.client("logs")
    pages = sagemaker.get_paginator("list_training_jobs").paginate(NameContains=f"{NAME}-")
    for job in [item["TrainingJobName"] for page in pages for item in page["TrainingJobSummaries"]]:
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
