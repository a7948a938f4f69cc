"""What a round's job reads: requests that may not have counted yet, labels, profiles of batches."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from ..ledger import documents
from ..ledger.objects import Listed, listing

#: as the monitor's: by how much a captured line may come later than others and still counts; and the hour
#: that its file may have begun before it
LATE = timedelta(hours=6 + 1)
#: as the monitor's: how long an answer waits for its label
WAITING = timedelta(days=30)
#: by how much S3's clock may differ from Step Functions'
SKEW = timedelta(minutes=2)
PROCESSING = "/opt/ml/processing"


def captures(s3: Any, bucket: str, folder: str, until: float) -> list[Listed]:
    """The capture files below `ENDPOINT/` that may hold lines that count, of all variants.

    Their names begin with the hour, so that what is long over isn't listed.
    """
    pages = s3.get_paginator("list_objects_v2")
    variants = [
        each["Prefix"]
        for page in pages.paginate(Bucket=bucket, Prefix=folder, Delimiter="/")
        for each in page.get("CommonPrefixes", ())
    ]
    since = datetime.fromtimestamp(until, UTC) - LATE if until else None
    return [
        each
        for variant in variants
        for each in listing(s3, bucket, variant, after=f"{variant}{since:%Y/%m/%d/%H}" if since else "")
        if each.key.endswith(".jsonl")
    ]


def labels(s3: Any, bucket: str, folder: str, at: datetime) -> list[Listed]:
    """The label files that may hold labels of answers that wait."""
    return [
        each
        for each in listing(s3, bucket, folder)
        if each.key.endswith(".csv") and each.modified > at - WAITING
    ]


def are_new(files: Iterable[Listed], since: str) -> bool:
    """Whether one of the files was written since a round began; all are, where there was none."""
    if not since:
        return any(True for _ in files)
    moment = datetime.fromisoformat(since.replace("Z", "+00:00")) - SKEW
    return any(each.modified >= moment for each in files)


def manifest(s3: Any, bucket: str, key: str, folder: str, keys: Sequence[str]) -> str:
    """Write a SageMaker ManifestFile over keys below a folder; gives its URI."""
    below = [name.removeprefix(folder) for name in keys]
    documents.write(s3, bucket, key, [{"prefix": f"s3://{bucket}/{folder}"}, *below])
    return f"s3://{bucket}/{key}"


def processing_input(name: str, uri: str, kind: str = "S3Prefix") -> dict[str, Any]:
    """A ProcessingInput of SageMaker's."""
    local = {"LocalPath": f"{PROCESSING}/{name}", "S3DataType": kind, "S3InputMode": "File"}
    return {"InputName": name, "S3Input": {"S3Uri": uri, **local}}
