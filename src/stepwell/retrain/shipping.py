"""What a workflow puts into its bucket: code for its jobs and functions, and their settings.

Archives are written to a folder that is gone when the program has ended; equal code makes equal archives,
so that nothing is uploaded again that hasn't changed.
"""

from __future__ import annotations

import atexit
import json
import shutil
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws

from stepwell.retrain import archives, sourcedir
from stepwell.retrain.names import Later, Names
from stepwell.retrain.parts import Gate, Prepare, Train


@cache
def _build() -> Path:
    """The folder of this process's archives."""
    folder = Path(tempfile.mkdtemp(prefix="stepwell-retrain-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def archive(package: str) -> Path:
    """One of the shipped packages as a zip file."""
    return archives.write(package, _build() / f"{package}.zip")


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


def ship(shipping: Shipping, *, name: str, prepare: Prepare, train: Train, gate: Gate) -> None:
    """The code of the three jobs, and what prepare is told."""
    shipping.file("code/prepare/prepare.zip", archive("prepare"))
    shipping.document("code/prepare.json", prepare.settings())
    shipping.file("code/gate/gate.zip", archive("gate"))
    for folder, module in (("prepare", prepare.module), ("gate", gate.module)):
        if module is not None:
            shipping.file(f"code/{folder}/{module.name}", module)
    packed = sourcedir.write(
        Path(train.code),
        _build() / name / "sourcedir.tar.gz",
        entry_point=train.entry_point,
        inference=train.inference,
    )
    shipping.file("code/train/sourcedir.tar.gz", packed)
