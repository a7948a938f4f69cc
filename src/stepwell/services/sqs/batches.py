"""Batches: up to ten entries, each of which succeeds or fails by itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from stepwell.errors import AwsError
from stepwell.services.sqs.errors import (
    BatchEntryIdsNotDistinct,
    EmptyBatchRequest,
    InvalidBatchEntryId,
    TooManyEntriesInBatchRequest,
)

#: entries of a batch
LIMIT = 10
_ID = re.compile(r"[\w-]{1,80}", re.ASCII)

Entry = Mapping[str, Any]


def entries(params: Mapping[str, Any]) -> Sequence[Entry]:
    """A batch's entries. Raises an error about the batch as a whole."""
    found: Sequence[Entry] = params["Entries"]
    if not found:
        raise EmptyBatchRequest("There should be at least one entry in the request.")
    if len(found) > LIMIT:
        raise TooManyEntriesInBatchRequest(
            f"Maximum number of entries per request are {LIMIT}. You have sent {len(found)}."
        )
    ids = [entry["Id"] for entry in found]
    if not all(map(_ID.fullmatch, ids)):
        raise InvalidBatchEntryId(
            "A batch entry id can only contain alphanumeric characters, hyphens and underscores. "
            "It can be at most 80 letters long."
        )
    repeated = next((each for each in ids if ids.count(each) > 1), None)
    if repeated is not None:
        raise BatchEntryIdsNotDistinct(f"Id {repeated} repeated.")
    return found


def each(found: Sequence[Entry], do: Callable[[Entry], Mapping[str, Any] | None]) -> dict[str, Any]:
    """What becomes of each entry. `do` raises before it writes."""
    successful, failed = [], []
    for entry in found:
        try:
            successful.append({"Id": entry["Id"], **(do(entry) or {})})
        except AwsError as error:
            failed.append(
                {
                    "Id": entry["Id"],
                    "SenderFault": error.http_status < 500,
                    "Code": error.former or error.error_code,
                    "Message": error.message,
                }
            )
    # clients tell an empty list from none
    return {"Successful": successful, **({"Failed": failed} if failed else {})}
