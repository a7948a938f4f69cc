"""What is left on a server, and of its processes, after a program's end."""

from __future__ import annotations

import json
from pathlib import Path

from running import Running


def leftovers(running: Running) -> list[str]:
    """Whatever the server still has, by its own lists; and processes that run user code."""
    sagemaker = running.client("sagemaker")
    listed = {
        "bucket": [item["Name"] for item in running.client("s3").list_buckets()["Buckets"]],
        "role": [
            item["RoleName"]
            for item in running.client("iam").list_roles()["Roles"]
            if not item["Path"].startswith("/aws-service-role/")
        ],
        "function": [item["FunctionName"] for item in running.client("lambda").list_functions()["Functions"]],
        "machine": [
            item["name"] for item in running.client("stepfunctions").list_state_machines()["stateMachines"]
        ],
        "log group": [
            item["logGroupName"] for item in running.client("logs").describe_log_groups()["logGroups"]
        ],
        "endpoint": [item["EndpointName"] for item in sagemaker.list_endpoints()["Endpoints"]],
        "config": [
            item["EndpointConfigName"] for item in sagemaker.list_endpoint_configs()["EndpointConfigs"]
        ],
        "model": [item["ModelName"] for item in sagemaker.list_models()["Models"]],
        "package group": [
            item["ModelPackageGroupName"]
            for item in sagemaker.list_model_package_groups()["ModelPackageGroupSummaryList"]
        ],
        "training job": [
            item["TrainingJobName"] for item in sagemaker.list_training_jobs()["TrainingJobSummaries"]
        ],
        "window": [
            item["WindowId"]
            for item in running.client("ssm").describe_maintenance_windows()["WindowIdentities"]
        ],
        "document": [
            item["Name"]
            for item in running.client("ssm").list_documents(Filters=[{"Key": "Owner", "Values": ["Self"]}])[
                "DocumentIdentifiers"
            ]
        ],
        "processing job": [
            item["ProcessingJobName"] for item in sagemaker.list_processing_jobs()["ProcessingJobSummaries"]
        ],
    }
    status = json.loads(running.stepwell("status", "--json").stdout)["Counts"]
    left = [f"{kind} {name}" for kind, names in listed.items() for name in names]
    left += [f"{count} {name}" for name, count in status.items() if count]
    return left + [f"process {command}" for command in workers(running.data)]


def workers(data: Path) -> list[str]:
    """Command lines of processes below the data folder, the server's own left out."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:  # it has ended
            continue
        if f"{data}/workers" in command:
            found.append(command)
    return found
