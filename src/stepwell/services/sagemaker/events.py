"""What SageMaker tells EventBridge: the resource as Describe shows it, times in milliseconds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stepwell.durable import Draft
from stepwell.services.sagemaker.tags import tags_of

#: members of Describe's outputs, at any depth, that are times
TIMES = frozenset(
    {
        "CreationTime",
        "LastModifiedTime",
        "TrainingStartTime",
        "TrainingEndTime",
        "ProcessingStartTime",
        "ProcessingEndTime",
        "StartTime",
        "EndTime",
        "Timestamp",
    }
)


def tell(draft: Draft, detail_type: str, arn: str, description: Mapping[str, Any]) -> None:
    """Send a state change with the commit. `description` is Describe's output at this moment."""
    detail = {**in_milliseconds(description), "Tags": tags_of(draft, arn)}
    draft.send(
        "event",
        {"source": "aws.sagemaker", "detail-type": detail_type, "resources": [arn], "detail": detail},
    )


def in_milliseconds(value: Any) -> Any:
    """`value` with every time, seconds as a float, as whole milliseconds."""
    if isinstance(value, Mapping):
        return {
            key: round(item * 1000)
            if key in TIMES and isinstance(item, int | float)
            else in_milliseconds(item)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [in_milliseconds(item) for item in value]
    return value
