"""Queues' names, URLs and ARNs, and the rights on them.

A URL is `ENDPOINT/ACCOUNT/NAME`. Whatever host a caller gives, the account and the name decide, so that a URL
outlives the address of its server; the name alone means a queue of one's own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from stepwell import arn
from stepwell.api.operations import Right, Site
from stepwell.calls import Call
from stepwell.durable import View
from stepwell.services.sqs.errors import InvalidAddress, InvalidParameterValue, no_queue

_URL = re.compile(
    r"(?:https?://[^/]+/)?(?:(?P<account>\d{12})/)?(?P<name>[\w-]{1,80}(?:\.fifo)?)/?", re.ASCII
)
_NAME = re.compile(r"[\w-]{1,80}", re.ASCII)
FIFO = ".fifo"


def check_name(name: str) -> None:
    """Raise InvalidParameterValue for what no queue can be called."""
    if len(name) > 80 or not _NAME.fullmatch(name.removesuffix(FIFO)):
        raise InvalidParameterValue(
            "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"
        )


def queue_name(url: str, view: View) -> str:
    """The name of the queue with that URL. Raises InvalidAddress, QueueDoesNotExist of another account."""
    found = _URL.fullmatch(url)
    if found is None:
        raise InvalidAddress(f"The address {url} is not valid for this endpoint.")
    if found["account"] not in (None, view.account):
        raise no_queue()
    return found["name"]


def queue_arn(view: View, name: str) -> str:
    """The queue's ARN."""
    return arn.build("sqs", view.region, view.account, name)


def name_of_arn(text: str, view: View) -> str | None:
    """The name of a queue of this account and region; None for any other ARN."""
    parsed = arn.parse(text)
    if parsed is None or (parsed.service, parsed.region, parsed.account) != (
        "sqs",
        view.region,
        view.account,
    ):
        return None
    return parsed.resource


class Addresses:
    """Writes queues' URLs: at the address that the caller used, at the server's own for calls from within."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint.rstrip("/")

    def url(self, call: Call, view: View, name: str) -> str:
        origin = call.origin
        scheme = "https" if origin.secure else "http"
        base = f"{scheme}://{origin.host}" if origin.host else self._endpoint
        return f"{base}/{view.account}/{name}"


def by_url(params: Mapping[str, Any], site: Site) -> str:
    """The ARN of the queue that `QueueUrl` names, in the account that it names."""
    found = _URL.fullmatch(params["QueueUrl"])
    if found is None:
        return "*"
    return arn.build("sqs", site.region, found["account"] or site.account, found["name"])


def right(action: str) -> Right:
    """A right on the queue that `QueueUrl` names."""
    return Right(action=f"sqs:{action}", resource=by_url)


def named_right(action: str) -> Right:
    """A right on the queue that `QueueName` names."""
    return Right(action=f"sqs:{action}", resource="arn:aws:sqs:{region}:{account}:{QueueName}")
