"""How every List operation of SageMaker filters, orders and pages.

One table of parameters serves them all: NameContains, Creation- and LastModifiedTimeAfter/Before,
StatusEquals, SortBy, SortOrder, MaxResults, NextToken.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from stepwell.errors import ValidationException

#: MaxResults where the caller names none
PAGE = 10
#: parameters that choose and order; a token is bound to them
QUERY = (
    "NameContains",
    "CreationTimeAfter",
    "CreationTimeBefore",
    "LastModifiedTimeAfter",
    "LastModifiedTimeBefore",
    "StatusEquals",
    "SortBy",
    "SortOrder",
    "ModelPackageGroupName",
    "ModelApprovalStatus",
    "ModelPackageType",
)
#: what every List operation takes
FIELDS = (
    "NameContains",
    "CreationTimeAfter",
    "CreationTimeBefore",
    "SortBy",
    "SortOrder",
    "MaxResults",
    "NextToken",
)


def page(
    params: Mapping[str, Any],
    summaries: Iterable[Mapping[str, Any]],
    *,
    member: str,
    name: str,
    status: str = "",
    order: str = "Ascending",
) -> dict[str, Any]:
    """One page of `summaries` as the operation's output.

    member: the output's list; name, status: the summaries' members; order: the default SortOrder.
    Raises ValidationException for a token that does not belong to the query.
    """
    keys = {"Name": name, "Status": status, "CreationTime": "CreationTime"}
    by = keys[params.get("SortBy") or "CreationTime"]
    chosen = sorted(
        (item for item in summaries if _matches(params, item, name, status)),
        key=lambda item: (item[by], str(item[name]).lower()),
        reverse=(params.get("SortOrder") or order) == "Descending",
    )
    query = _fingerprint(params)
    start = _start(params.get("NextToken"), query)
    size = params.get("MaxResults") or PAGE
    output: dict[str, Any] = {member: chosen[start : start + size]}
    if start + size < len(chosen):
        token = json.dumps([query, start + size]).encode()
        output["NextToken"] = base64.urlsafe_b64encode(token).decode()
    return output


def _matches(params: Mapping[str, Any], item: Mapping[str, Any], name: str, status: str) -> bool:
    wanted = params.get("StatusEquals")
    return (
        str(params.get("NameContains", "")).lower() in str(item[name]).lower()
        and (wanted is None or item[status] == wanted)
        and _within(params, item, "CreationTime")
        and _within(params, item, "LastModifiedTime")
    )


def _within(params: Mapping[str, Any], item: Mapping[str, Any], member: str) -> bool:
    after, before = params.get(f"{member}After"), params.get(f"{member}Before")
    moment = item.get(member, 0.0)
    return (after is None or moment > after) and (before is None or moment < before)


def _fingerprint(params: Mapping[str, Any]) -> str:
    query = json.dumps([params.get(name) for name in QUERY])
    return hashlib.sha256(query.encode()).hexdigest()[:16]


def _start(token: str | None, query: str) -> int:
    if token is None:
        return 0
    try:
        found, start = json.loads(base64.urlsafe_b64decode(token))
    except (ValueError, binascii.Error, TypeError, RecursionError):
        found, start = None, 0
    if found != query or not isinstance(start, int):
        raise ValidationException("The pagination token is invalid for this request.")
    return start
