"""DataCaptureConfig: how much of an endpoint's traffic is kept, what of it, and where.

A fleet carries its own copy, as it does of its models: what is kept changes with a deployment, never between.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from stepwell.services.sagemaker.s3_uris import require_s3


class DataCapture(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A data capture configuration, as deployed."""

    #: EnableCapture
    enabled: bool
    #: of a hundred requests, how many are kept
    percentage: int
    #: DestinationS3Uri
    destination: str
    #: whether requests are kept, and answers
    input: bool
    output: bool
    #: content types that are kept as text, in lower case; all others in base64
    csv: tuple[str, ...] = ()
    json: tuple[str, ...] = ()
    #: KmsKeyId
    key: str = ""

    @property
    def active(self) -> bool:
        """Whether any request is kept."""
        return self.enabled and self.percentage > 0


def check(config: Mapping[str, Any]) -> None:
    """Raise ValidationException for a DataCaptureConfig whose files could go nowhere."""
    require_s3(config["DestinationS3Uri"])


def deployed(config: Mapping[str, Any]) -> DataCapture:
    """A DataCaptureConfig as a fleet keeps it."""
    modes = {option["CaptureMode"] for option in config["CaptureOptions"]}
    types = config.get("CaptureContentTypeHeader", {})
    return DataCapture(
        enabled=config.get("EnableCapture", True),
        percentage=config["InitialSamplingPercentage"],
        destination=config["DestinationS3Uri"],
        input=not modes.isdisjoint({"Input", "InputAndOutput"}),
        output=not modes.isdisjoint({"Output", "InputAndOutput"}),
        csv=tuple(each.lower() for each in types.get("CsvContentTypes", ())),
        json=tuple(each.lower() for each in types.get("JsonContentTypes", ())),
        key=config.get("KmsKeyId", ""),
    )


def summary(capture: DataCapture) -> dict[str, Any]:
    """DescribeEndpoint's DataCaptureConfig."""
    return {
        "EnableCapture": capture.enabled,
        "CaptureStatus": "Started" if capture.enabled else "Stopped",
        "CurrentSamplingPercentage": capture.percentage,
        "DestinationS3Uri": capture.destination,
        "KmsKeyId": capture.key,
    }
