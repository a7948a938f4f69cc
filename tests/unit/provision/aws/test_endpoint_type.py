"""An endpoint whose create came to a bad end is made anew: SageMaker updates no failed one."""

from __future__ import annotations

import datetime
from typing import Any

from stepwell.provision.aws import TYPES
from stepwell.provision.cloud import Cloud

DAY = datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC)
ARN = "arn:aws:sagemaker:us-east-1:000000000000:endpoint/e"
GONE = 'ValidationException: Could not find endpoint "e".'


def _told(status: str) -> dict[str, Any]:
    return {
        "EndpointName": "e",
        "EndpointArn": ARN,
        "EndpointConfigName": "c",
        "EndpointStatus": status,
        "CreationTime": DAY,
        "LastModifiedTime": DAY,
    }


def test_a_failed_endpoint_is_deleted_and_created(cloud: Cloud, script: Any) -> None:
    """By the update that follows an unsettled create."""
    kind = TYPES["aws:sagemaker/endpoint:Endpoint"]
    assert kind.update is not None
    script.answers = {
        "DescribeEndpoint": [_told("Failed"), GONE, _told("InService")],
        "CreateEndpoint": {"EndpointArn": ARN},
    }
    kind.update(cloud, "e", {}, {"name": "e", "endpointConfigName": "c"})
    assert [name for name, _ in script.writes()] == ["DeleteEndpoint", "CreateEndpoint"]


def test_an_endpoint_in_service_is_updated(cloud: Cloud, script: Any) -> None:
    """With the configuration that is declared now."""
    kind = TYPES["aws:sagemaker/endpoint:Endpoint"]
    assert kind.update is not None
    script.answers = {"DescribeEndpoint": _told("InService"), "UpdateEndpoint": {"EndpointArn": ARN}}
    old = {"name": "e", "endpointConfigName": "c"}
    kind.update(cloud, "e", old, {**old, "endpointConfigName": "d"})
    assert script.writes() == [("UpdateEndpoint", {"EndpointName": "e", "EndpointConfigName": "d"})]
