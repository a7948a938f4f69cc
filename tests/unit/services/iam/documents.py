"""Policy documents that the tests share."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

#: calls an operation of IAM
Ask = Callable[..., dict[str, Any]]


def document(effect: str = "Allow", action: Any = "s3:*", resource: Any = "*", **more: Any) -> str:
    statement = {"Effect": effect, "Action": action, "Resource": resource, **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def trust(**principal: Any) -> str:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


LAMBDA = trust(Service="lambda.amazonaws.com")
