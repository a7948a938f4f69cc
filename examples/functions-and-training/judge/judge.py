"""Says whether a trained model is to be registered: better than a guess, and than the last one."""

import os

import boto3

sagemaker = boto3.client("sagemaker")

#: how much of the error of always guessing the mean must be gone
LEAST_GAIN = 0.1


def handler(event, context):
    """DescribeTrainingJob's metrics in; the decision with its reasons out."""
    metrics = {metric["MetricName"]: metric["Value"] for metric in event["metrics"]}
    error, guess = metrics["mean_absolute_error"], metrics["guess_error"]
    last = last_error(os.environ["PACKAGE_GROUP"])
    gain = 1 - error / guess
    if gain < LEAST_GAIN:
        reason = f"its error {error:.2f} is hardly below that of a guess, {guess:.2f}"
    elif last is not None and error >= last:
        reason = f"its error {error:.2f} is not below the registered model's, {last:.2f}"
    else:
        reason = None
    print(f"error {error:.2f}, guess {guess:.2f}, last {last}: {reason or 'register'}")
    return {
        "register": reason is None,
        "reason": reason or f"its error {error:.2f} is {gain:.0%} below that of a guess",
        "error": f"{error:.4f}",
    }


def last_error(group):
    """The error of the newest package of the group; None before the first."""
    found = sagemaker.list_model_packages(
        ModelPackageGroupName=group, SortBy="CreationTime", SortOrder="Descending", MaxResults=1
    )["ModelPackageSummaryList"]
    if not found:
        return None
    package = sagemaker.describe_model_package(ModelPackageName=found[0]["ModelPackageArn"])
    return float(package["CustomerMetadataProperties"]["error"])
