"""What AWS's operations look like: botocore's service models, each loaded when first asked for.

The models are the one description of shapes that servers and clients share: the gateway reads and
writes the wire by them, the API validates parameters by them. Loading one takes up to 0.1 s, so
routing asks for `service_metadata` first, which reads a file's head only. Our own service has its
model in this package, in the same format.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import botocore
from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel

_AWS = Path(botocore.__file__).parent / "data"
_OWN_FOLDER = Path(__file__).parent.parent / "services" / "stepwell" / "models"
_OWN = {"stepwell": _OWN_FOLDER / "stepwell" / "2026-11-20" / "service-2.json"}
_HEAD = 1 << 13


def own_model_folder() -> Path:
    """Where our own service's model lies, laid out for botocore's loader (`AWS_DATA_PATH`)."""
    return _OWN_FOLDER


@lru_cache(maxsize=1)
def service_names() -> frozenset[str]:
    """botocore's names of all services that have a model: `stepfunctions`, `sagemaker-runtime`, ..."""
    aws = {path.parent.parent.name for path in _AWS.glob("*/*/service-2.json*")}
    return frozenset(aws | {name for name, path in _OWN.items() if path.is_file()})


@lru_cache(maxsize=512)
def service_metadata(name: str) -> Mapping[str, Any]:
    """The model's `metadata` object (protocol, targetPrefix, signingName, ...), without loading the model.

    Raises LookupError for a service without a model.
    """
    path = _model_path(name)
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        head = file.read(_HEAD).decode("utf-8", "replace")
    key = '"metadata":'
    if key not in head:
        return dict(service_model(name).metadata)
    try:
        metadata, _ = json.JSONDecoder().raw_decode(head[head.index(key) + len(key) :].lstrip())
    except ValueError:
        metadata = dict(service_model(name).metadata)
    return dict(metadata)


@lru_cache(maxsize=128)
def service_model(name: str) -> ServiceModel:
    """The service's model. Raises LookupError for a service without one."""
    if name in _OWN:
        return ServiceModel(json.loads(_model_path(name).read_bytes()), name)
    _model_path(name)
    return ServiceModel(_loader().load_service_model(name, "service-2"), name)


@lru_cache(maxsize=4096)
def operation_model(service: str, operation: str) -> OperationModel:
    """One operation's model. Raises LookupError for an unknown service or operation."""
    model = service_model(service)
    if operation not in model.operation_names:
        raise LookupError(f"The service {service} has no operation {operation!r}")
    return model.operation_model(operation)


@lru_cache(maxsize=1)
def _loader() -> Loader:
    return Loader(include_default_search_paths=False, extra_search_paths=[str(_AWS)])


def _model_path(name: str) -> Path:
    if name not in service_names():
        raise LookupError(f"There is no service model named {name!r}")
    if name in _OWN:
        return _OWN[name]
    newest = max(each for each in (_AWS / name).iterdir() if each.is_dir())
    return next(newest.glob("service-2.json*"))
