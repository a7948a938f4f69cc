"""The workflow whose ledger it is: its bucket, its settings, and the clients that reach AWS."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import boto3
from botocore.config import Config

from . import documents
from .batches import Batches
from .faults import InputInvalid
from .objects import PARALLEL
from .settings import Settings


@dataclass(frozen=True, kw_only=True)
class Workflow:
    """What every answer needs; made anew for each invocation, so that settings are never old."""

    #: its bucket
    bucket: str
    #: the key of its settings
    settings_key: str
    #: boto3's clients
    s3: Any
    sagemaker: Any
    states: Any

    @classmethod
    def here(cls) -> Workflow:
        """The workflow of this function's environment: BUCKET and SETTINGS, as the program set them."""
        return cls(
            bucket=os.environ["BUCKET"],
            settings_key=os.environ["SETTINGS"],
            s3=client("s3"),
            sagemaker=client("sagemaker"),
            states=client("stepfunctions"),
        )

    @cached_property
    def settings(self) -> Settings:
        """Its settings. Raises InputInvalid where they are not there."""
        found = documents.read(self.s3, self.bucket, self.settings_key)
        if found is None:
            raise InputInvalid(f"there are no settings: {self.uri(self.settings_key)}")
        return Settings.from_json(found.value)

    @property
    def batches(self) -> Batches:
        """Its batches."""
        return Batches(self.s3, self.bucket)

    def uri(self, key: str) -> str:
        """The s3:// URI of one of its objects, or of a folder."""
        return f"s3://{self.bucket}/{key}"

    def read(self, key: str) -> Any:
        """What one of its documents says; None where there is none."""
        found = documents.read(self.s3, self.bucket, key)
        return None if found is None else found.value

    def kept(self, key: str, value: Any, same: Callable[[Any], bool]) -> Any:
        """What a document says that is written once; see `documents.kept`."""
        return documents.kept(self.s3, self.bucket, key, value, same)

    def write(self, key: str, value: Any) -> str:
        """Write a document that says the same each time it is written; gives its URI."""
        documents.write(self.s3, self.bucket, key, value)
        return self.uri(key)


@cache
def client(service: str) -> Any:
    """A client of AWS, made once: a warm function has it already."""
    return boto3.client(service, config=Config(max_pool_connections=PARALLEL))


def name_of(execution: str) -> str:
    """An execution's name, of its ARN."""
    return execution.rpartition(":")[2]


def manifest(prefix: str, names: list[str]) -> list[Any]:
    """A ManifestFile of SageMaker: what all URIs begin with, then how each goes on."""
    return [{"prefix": prefix}, *names]
