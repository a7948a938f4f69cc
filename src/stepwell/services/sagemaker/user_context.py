"""Who made or changed a resource, as Describe's UserContext tells it."""

from __future__ import annotations

from typing import Any

from stepwell.calls import Caller


def user_context(caller: Caller) -> dict[str, Any]:
    """The caller's UserContext: its ARN and unique id, as GetCallerIdentity gives them."""
    return {"IamIdentity": {"Arn": caller.arn, "PrincipalId": caller.user_id}}
