"""AWS's own APIs as a source: descriptions, tags, histories, and documents in buckets. Nothing is written."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from stepwell.retrain.lineage.documents import document
from stepwell.retrain.lineage.graph import Reference
from stepwell.retrain.lineage.source import Unreadable

#: kind → how SageMaker describes it: the operation, its parameter, its ARN's member where it has tags
DESCRIBED = {
    "endpoint": ("describe_endpoint", "EndpointName", "EndpointArn"),
    "endpoint-config": ("describe_endpoint_config", "EndpointConfigName", "EndpointConfigArn"),
    "model": ("describe_model", "ModelName", "ModelArn"),
    "model-package": ("describe_model_package", "ModelPackageName", ""),
    "training-job": ("describe_training_job", "TrainingJobName", "TrainingJobArn"),
    "processing-job": ("describe_processing_job", "ProcessingJobName", "ProcessingJobArn"),
}
#: codes of what isn't there; ValidationException is how SageMaker says it
ABSENT = frozenset(
    {
        "ValidationException", "ResourceNotFound", "ResourceNotFoundException",
        "ExecutionDoesNotExist", "StateMachineDoesNotExist", "InvalidArn",
        "NoSuchKey", "NoSuchBucket", "NoSuchVersion", "400", "404", "405",
    }
)  # fmt: skip
#: codes of what may not be read
REFUSED = frozenset({"AccessDenied", "AccessDeniedException", "403"})
#: packages of each group that are looked through when it isn't known which one is meant, the newest first
MOST_PACKAGES = 100
#: objects of a prefix that are listed
MOST_LISTED = 200
#: the largest object that is looked into whether it is a manifest, in bytes
LARGEST_MANIFEST = 1 << 20


class Reader:
    """A `Source` of boto3 clients. Each thing is asked for once."""

    def __init__(self, client: Callable[[str], Any]) -> None:
        """client: gives a boto3 client of a service (`sagemaker`, `stepfunctions`, `s3`)."""
        self._sagemaker, self._states, self._s3 = (
            client(name) for name in ("sagemaker", "stepfunctions", "s3")
        )
        self._read: dict[Reference, Mapping[str, Any] | Unreadable | None] = {}
        self._names: dict[tuple[str, str], Sequence[str]] = {}

    def read(self, reference: Reference) -> Mapping[str, Any] | None:
        """See `Source.read`."""
        if reference not in self._read:
            try:
                found = self._asked(lambda: self._document(reference))
                self._read[reference] = None if found is None else _plain(found)
            except Unreadable as error:
                self._read[reference] = error
        found = self._read[reference]
        if isinstance(found, Unreadable):
            raise found
        return found

    def names(self, kind: str, within: str = "") -> Sequence[str]:
        """See `Source.names`. `within` is a group's name, an execution's, a batch's, a bucket's s3:// URI."""
        if (kind, within) not in self._names:
            self._names[kind, within] = self._asked(lambda: list(self._listed(kind, within))) or ()
        return self._names[kind, within]

    def _asked(self, ask: Callable[[], Any]) -> Any:
        """The answer; None where the thing isn't there. Raises Unreadable."""
        from botocore.exceptions import ClientError, ParamValidationError

        try:
            return ask()
        except ParamValidationError:
            return None
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in ABSENT:
                return None
            if code in REFUSED:
                raise Unreadable(str(error)) from None
            raise

    def _document(self, reference: Reference) -> Any:
        if reference.kind in DESCRIBED:
            operation, parameter, arn = DESCRIBED[reference.kind]
            found = getattr(self._sagemaker, operation)(**{parameter: reference.name})
            return {**found, "Tags": self._tags(found[arn])} if arn else found
        if reference.kind == "execution":
            return self._execution(reference.name)
        bucket, key = _place(reference.name)
        if reference.kind == "data":
            return self._data(bucket, key)
        if reference.kind == "object":
            key, _, version = key.partition("?versionId=")
            return self._s3.head_object(Bucket=bucket, Key=key, **({"VersionId": version} if version else {}))
        made = document(self._text(bucket, f"{key}/batch.json" if reference.kind == "batch" else key))
        return made if isinstance(made, dict) else None

    def _tags(self, arn: str) -> dict[str, str]:
        pages = self._sagemaker.get_paginator("list_tags").paginate(ResourceArn=arn)
        return {each["Key"]: each["Value"] for page in pages for each in page["Tags"]}

    def _execution(self, arn: str) -> dict[str, Any]:
        found: dict[str, Any] = self._states.describe_execution(executionArn=arn)
        pages = self._states.get_paginator("get_execution_history").paginate(
            executionArn=arn, reverseOrder=True
        )
        return {**found, "Events": [event for page in pages for event in page["events"]]}

    def _data(self, bucket: str, key: str) -> dict[str, Any] | None:
        """The objects of a prefix, or those that a manifest names."""
        pages = self._s3.get_paginator("list_objects_v2").paginate(
            Bucket=bucket, Prefix=key, PaginationConfig={"MaxItems": MOST_LISTED}
        )
        listed = [each for page in pages for each in page.get("Contents", ())]
        if len(listed) == 1 and listed[0]["Key"] == key and listed[0]["Size"] <= LARGEST_MANIFEST:
            manifest = document(self._text(bucket, key))
            if isinstance(manifest, list) and manifest and isinstance(manifest[0], dict):
                prefix = str(manifest[0].get("prefix", ""))
                return {"objects": [prefix + each for each in manifest[1:] if isinstance(each, str)]}
        return {"objects": [f"s3://{bucket}/{each['Key']}" for each in listed]} if listed else None

    def _text(self, bucket: str, key: str) -> str:
        body: bytes = self._s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        return body.decode("utf-8", "replace")

    def _listed(self, kind: str, within: str) -> Iterator[str]:
        if kind == "endpoint":
            for page in self._sagemaker.get_paginator("list_endpoints").paginate():
                yield from (each["EndpointName"] for each in page["Endpoints"])
        elif kind == "model-package":
            yield from self._packages(within)
        elif kind == "execution":
            yield from self._executions(within)
        elif kind == "plan":
            bucket, _ = _place(within)
            pages = self._s3.get_paginator("list_objects_v2").paginate(
                Bucket=bucket, Prefix="runs/", Delimiter="/"
            )
            for page in pages:
                for each in page.get("CommonPrefixes", ()):
                    yield f"s3://{bucket}/{each['Prefix']}plan.json"
        elif kind == "batch":
            for each in self._s3.list_buckets()["Buckets"]:
                yield from self._batches(each["Name"], within)

    def _packages(self, group: str) -> Iterator[str]:
        groups = [group]
        if not group:
            pages = self._sagemaker.get_paginator("list_model_package_groups").paginate()
            groups = [
                each["ModelPackageGroupName"]
                for page in pages
                for each in page["ModelPackageGroupSummaryList"]
            ]
        for name in groups:
            pages = self._sagemaker.get_paginator("list_model_packages").paginate(
                ModelPackageGroupName=name,
                SortBy="CreationTime",
                SortOrder="Descending",
                PaginationConfig={} if group else {"MaxItems": MOST_PACKAGES},
            )
            for page in pages:
                yield from (each["ModelPackageArn"] for each in page["ModelPackageSummaryList"])

    def _executions(self, name: str) -> Iterator[str]:
        """The executions of a name, one at most for each machine: their ARNs can be told beforehand."""
        for page in self._states.get_paginator("list_state_machines").paginate():
            for each in page["stateMachines"]:
                arn = f"{each['stateMachineArn'].replace(':stateMachine:', ':execution:', 1)}:{name}"
                described = partial(self._states.describe_execution, executionArn=arn)
                if each["type"] == "STANDARD" and self._asked(described) is not None:
                    yield arn

    def _batches(self, bucket: str, name: str) -> Iterator[str]:
        """The batch of a name in a bucket; of a bucket that may not be read it isn't known."""
        key = f"batches/{name}/batch.json"
        try:
            if self._asked(lambda: self._s3.head_object(Bucket=bucket, Key=key)) is not None:
                yield f"s3://{bucket}/batches/{name}"
        except Unreadable:
            return


def _place(uri: str) -> tuple[str, str]:
    """Bucket and key of an s3:// URI."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


def _plain(value: Any) -> Any:
    """The same in JSON values: times in ISO 8601."""

    def text(each: Any) -> str:
        if not isinstance(each, datetime):
            return str(each)
        return each.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")

    return json.loads(json.dumps(value, default=text))
