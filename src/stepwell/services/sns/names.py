"""Topics' names, their ARNs and their subscriptions', and the rights on them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from stepwell import arn
from stepwell.api.operations import Right, Site
from stepwell.api.pages import Pages
from stepwell.durable import View
from stepwell.services.sns.errors import invalid, no_topic

#: as it delivers
PRINCIPAL = "sns.amazonaws.com"
FIFO = ".fifo"
_NAME = re.compile(r"[\w-]{1,256}", re.ASCII)
#: entries of a page (API reference, ListTopics)
_PAGE = 100

PAGES = Pages(
    token="NextToken",
    size="",
    following="NextToken",
    default=_PAGE,
    invalid=lambda: invalid("NextToken"),
)


def check_name(name: str, *, fifo: bool) -> None:
    """Raise InvalidParameter for what no topic of that kind can be called."""
    if len(name) > 256 or not _NAME.fullmatch(name.removesuffix(FIFO)):
        raise invalid("Topic Name")
    if name.endswith(FIFO) != fifo:
        raise invalid(
            "Fifo Topic names must end with .fifo and must be made up of only uppercase and lowercase ASCII "
            "letters, numbers, underscores, and hyphens, and must be between 1 and 256 characters long."
            if fifo
            else "Topic Name"
        )


def topic_arn(view: View, name: str) -> str:
    return arn.build("sns", view.region, view.account, name)


def parsed(text: str, view: View, member: str = "TopicArn") -> list[str]:
    """The parts of what an ARN names here: the topic, and a subscription's id behind it.

    Raises InvalidParameter for what is no ARN of SNS, NotFound for one of another account or region.
    """
    elements = text.split(":")
    if len(elements) < 6:
        raise invalid(f"{member} Reason: An ARN must have at least 6 elements, not {len(elements)}")
    found = arn.parse(text)
    if found is None or found.service != "sns":
        raise invalid(f"{member} Reason: {text} names nothing of SNS")
    if (found.region, found.account) != (view.region, view.account):
        raise no_topic()
    return found.resource.split(":")


def topic_right(action: str, **keys: str) -> Right:
    """A right on the topic that `TopicArn` names."""
    return Right(action=f"sns:{action}", resource="{TopicArn}", keys=keys)


def published_to(params: Mapping[str, Any], _site: Site) -> str:
    """The ARN of the topic that a message is for."""
    return str(params.get("TopicArn") or params.get("TargetArn") or "*")
