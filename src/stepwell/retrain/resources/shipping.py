"""What a workflow puts into its bucket: code for its jobs and functions, and their settings.

Archives are given as they are, in base64, and not as files of a build: a program that is only looked at
leaves nothing behind. Equal code makes equal archives, so nothing is uploaded again that hasn't changed.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws

from stepwell.retrain import archives
from stepwell.retrain.parts.steps import Gate, Prepare, Train
from stepwell.retrain.resources import sourcedir
from stepwell.retrain.resources.names import Later, Names


class Shipping:
    """Puts objects into the workflow's bucket, once it is there."""

    def __init__(self, names: Names, stored: list[pulumi.Resource], opts: pulumi.ResourceOptions) -> None:
        self._names = names
        self._opts = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=stored))
        #: all that was put
        self.objects: list[aws.s3.BucketObjectv2] = []

    def file(self, key: str, path: Path) -> Later:
        """A file under a key; gives its URI."""
        return self._put(key, source=pulumi.FileAsset(str(path)))

    def archive(self, key: str, packed: bytes) -> Later:
        """An archive under a key; gives its URI."""
        return self._put(key, content_base64=base64.b64encode(packed).decode())

    def document(self, key: str, value: Mapping[str, Any]) -> Later:
        """A JSON document, in which values may be outputs."""
        return self._put(key, content=dumped(value), content_type="application/json")

    def _put(self, key: str, **body: Any) -> Later:
        name = self._names.of(key.replace("/", "-"))
        self.objects.append(
            aws.s3.BucketObjectv2(name, bucket=self._names.bucket, key=key, opts=self._opts, **body)
        )
        return self._names.uri(key)


def dumped(value: Mapping[str, Any]) -> Later:
    """A JSON text; an output where one is within."""
    try:
        return json.dumps(value, indent=1)
    except TypeError:
        return pulumi.Output.json_dumps(value, indent=1)


def ship(shipping: Shipping, *, prepare: Prepare, train: Train, gate: Gate) -> None:
    """The code of the three jobs, and what prepare is told."""
    shipping.archive("code/prepare/prepare.zip", archives.packed(archives.sources("prepare")))
    shipping.document("code/prepare.json", prepare.settings())
    shipping.archive("code/gate/gate.zip", archives.packed(archives.sources("gate")))
    for folder, module in (("prepare", prepare.module), ("gate", gate.module)):
        if module is not None:
            shipping.file(f"code/{folder}/{module.name}", module)
    scripts = sourcedir.packed(Path(train.code), entry_point=train.entry_point, inference=train.inference)
    shipping.archive("code/train/sourcedir.tar.gz", scripts)


def package(name: str) -> pulumi.AssetArchive:
    """One of the shipped packages as a function's code."""
    paths = archives.sources(name)
    return pulumi.AssetArchive({path: pulumi.FileAsset(str(archives.HERE / path)) for path in paths})
