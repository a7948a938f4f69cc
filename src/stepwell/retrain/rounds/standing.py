"""Where the monitor stands: the document that rounds hand on to each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ..ledger import documents

KEY = "monitor/current.json"
#: the document's form; another number is another form
SCHEMA = "stepwell.monitor/1"


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What the last committed round left."""

    #: how many rounds have been committed
    number: int = 0
    #: URI of the folder of its report and state; empty: there was none
    folder: str = ""
    #: when it began, in ISO 8601; empty: there was none
    at: str = ""
    #: the time of the newest request that has counted, in seconds since 1970; 0: none has
    until: float = 0.0
    #: what crossed and is still to be told: {"id", "crossings", "more", "sentence", "report"}
    untold: Mapping[str, Any] | None = None
    #: the measures of which some value has crossed and isn't back: the ledger looks whether the score has
    drifted: Sequence[str] = ()


def read(s3: Any, bucket: str) -> tuple[Standing, str]:
    """Where the monitor stands, and the document's entity tag; empty where there is no document yet."""
    found = documents.read(s3, bucket, KEY)
    if found is None:
        return Standing(), ""
    value = {name: each for name, each in found.value.items() if name != "schema"}
    return Standing(**value), found.etag


def write(s3: Any, bucket: str, standing: Standing, etag: str) -> None:
    """Write where it stands now, if it is still as it was read. Raises Conflict."""
    value = {"schema": SCHEMA, **asdict(standing)}
    if etag:
        documents.replace(s3, bucket, KEY, value, etag)
    else:
        documents.create(s3, bucket, KEY, value)
