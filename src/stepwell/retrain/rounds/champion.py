"""The champion's training batches: what captured requests are compared with."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from ..ledger import documents

#: an endpoint in these states answers
SERVING = ("InService", "Updating", "SystemUpdating", "RollingBack")


class Nothing(Exception):
    """There is nothing to measure. `outcome` is the round's; the message says why."""

    def __init__(self, outcome: str, message: str) -> None:
        super().__init__(message)
        self.outcome = outcome


def batches(sagemaker: Any, s3: Any, bucket: str, endpoint: str) -> list[str]:
    """The names of the batches that the model in service was trained on. Raises Nothing.

    Its model package names the plan of its run, and the plan names them.
    """
    try:
        found = sagemaker.describe_endpoint(EndpointName=endpoint)
    except ClientError as error:
        if "Could not find" in str(error):
            raise Nothing("NO_ENDPOINT", f"There is no endpoint {endpoint} yet.") from error
        raise
    if found["EndpointStatus"] not in SERVING:
        raise Nothing("NO_ENDPOINT", f"The endpoint {endpoint} is {found['EndpointStatus']}.")
    config = sagemaker.describe_endpoint_config(EndpointConfigName=found["EndpointConfigName"])
    model = sagemaker.describe_model(ModelName=config["ProductionVariants"][0]["ModelName"])
    container = model.get("PrimaryContainer") or model.get("Containers", [{}])[0]
    package = container.get("ModelPackageName")
    if not package:
        raise Nothing("NO_PROFILE", f"The model {model['ModelName']} in service comes from no model package.")
    about = sagemaker.describe_model_package(ModelPackageName=package)
    plan = about.get("CustomerMetadataProperties", {}).get("plan", "")
    key = plan.removeprefix(f"s3://{bucket}/")
    document = documents.read(s3, bucket, key) if key != plan else None
    if document is None:
        raise Nothing("NO_PROFILE", f"The model package {package} in service names no plan of this workflow.")
    return [each["name"] for each in document.value["batches"]]
