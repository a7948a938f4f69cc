"""What people call things: a name, an ARN, GROUP/VERSION, an s3:// URI."""

from __future__ import annotations

import re

from stepwell.arn import parse
from stepwell.errors import StepwellError
from stepwell.retrain.lineage.graph import Reference
from stepwell.retrain.lineage.origins import ARTEFACT
from stepwell.retrain.lineage.source import Source, Unreadable

#: kinds that SageMaker can be asked for by a plain name, in the order in which a name is understood
BY_NAME = ("endpoint", "endpoint-config", "model", "model-package", "training-job", "processing-job")
#: kinds that are looked for where SageMaker has nothing of the name: that takes a call a bucket, or a machine
BY_SEARCH = ("batch", "execution")
BATCH = re.compile(r"(s3://[^/]+/batches/[^/]+)(/.*)?")
VERSION = re.compile(r"([^/:]+)/([0-9]+)")


class NoSuch(StepwellError):
    """Nothing is called so; the message says what was looked for."""


def named(text: str, source: Source) -> tuple[Reference, ...]:
    """What a text names, most likely first; more than one where things of several kinds share a name.

    A group's name stands for its newest version. Raises NoSuch.
    """
    if text.startswith("arn:"):
        return (_of_arn(text, source),)
    if text.startswith("s3://"):
        return (_of_uri(text),)
    version = VERSION.fullmatch(text)
    if version is not None:
        return (_version(version[1], version[2], source),)
    found: list[Reference] = []
    refused: list[str] = []
    for kind in (*BY_NAME, *BY_SEARCH):
        if kind in BY_SEARCH and found:
            break
        try:
            found += _of_kind(kind, text, source)
        except Unreadable:
            refused.append(kind)
    if not found:
        kinds = [kind for kind in (*BY_NAME, *BY_SEARCH) if kind not in refused]
        more = f"; it may be of a kind that may not be read: {', '.join(refused)}" if refused else ""
        raise NoSuch(f"nothing is called {text!r}, of the kinds {', '.join(kinds)}{more}")
    return tuple(found)


def _of_kind(kind: str, name: str, source: Source) -> list[Reference]:
    """The things of one kind that a plain name means. Raises Unreadable."""
    if kind in BY_SEARCH:
        return [Reference(kind, each) for each in source.names(kind, name)]
    if kind == "model-package":
        return [Reference(kind, each) for each in source.names(kind, name)[:1]]
    reference = Reference(kind, name)
    return [reference] if source.read(reference) is not None else []


def _of_arn(text: str, source: Source) -> Reference:
    arn = parse(text)
    if arn is None:
        raise NoSuch(f"{text} is no ARN")
    if arn.service == "states" and arn.resource.startswith("execution:"):
        return Reference("execution", text)
    kind, _, name = arn.resource.partition("/")
    if arn.service == "sagemaker" and kind == "model-package-group":
        found = _of_kind("model-package", name, source)
        if not found:
            raise NoSuch(f"model package group {name} isn't there, or has no versions")
        return found[0]
    if arn.service != "sagemaker" or kind not in BY_NAME:
        raise NoSuch(f"{text} has no lineage: it is none of {', '.join(BY_NAME)} or execution")
    return Reference(kind, text if kind == "model-package" else name)


def _of_uri(text: str) -> Reference:
    batch, job = BATCH.fullmatch(text), ARTEFACT.fullmatch(text)
    if batch is not None:
        return Reference("batch", batch[1])
    if job is not None:
        return Reference("training-job", job[1])
    if text.endswith("/evidence.json"):
        return Reference("evidence", text)
    raise NoSuch(f"{text} is no batch (s3://BUCKET/batches/NAME), evidence or training job's artefact")


def _version(group: str, version: str, source: Source) -> Reference:
    for name in source.names("model-package", group):
        if name.endswith(f"/{version}"):
            return Reference("model-package", name)
    raise NoSuch(f"there is no version {version} of a model package group {group!r}")
