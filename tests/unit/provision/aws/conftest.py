"""Clients that follow a script: what they are called with is recorded, what they answer is told beforehand.

Parameters and answers are both validated against botocore's own service models, so that neither can be
misspelt unnoticed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import botocore.session
import pytest
from botocore import xform_name
from botocore.exceptions import ClientError, ParamValidationError
from botocore.validate import ParamValidator

from stepwell.provision.cloud import Cloud

_SESSION = botocore.session.Session()
_READS = ("Get", "List", "Head", "Describe")


class Script:
    """What each operation answers: a mapping, an error's code, or a list of these, one for each call."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self._models: dict[str, Any] = {}

    def writes(self) -> list[tuple[str, dict[str, Any]]]:
        """The calls that change something."""
        return [call for call in self.calls if not call[0].startswith(_READS)]

    def client(self, service: str) -> Any:
        if service not in self._models:
            model = _SESSION.get_service_model(service)
            self._models[service] = {xform_name(name): name for name in model.operation_names}
        return _Client(self, _SESSION.get_service_model(service), self._models[service])

    def answer(self, operation: str) -> Any:
        told = self.answers.get(operation, {})
        if isinstance(told, list):
            told = told.pop(0) if len(told) > 1 else told[0]
        return told


class _Client:
    def __init__(self, script: Script, model: Any, names: Mapping[str, str]) -> None:
        self._script = script
        self._model = model
        self._names = names

    def get_paginator(self, name: str) -> Any:
        operation = getattr(self, name)

        class Pages:
            def paginate(self, **parameters: Any) -> Iterator[Any]:
                yield operation(**parameters)

        return Pages()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        model = self._model.operation_model(self._names[name])

        def call(**parameters: Any) -> Any:
            _validate(parameters, model.input_shape)
            self._script.calls.append((model.name, parameters))
            told = self._script.answer(model.name)
            if isinstance(told, str):
                code, _, message = told.partition(": ")
                error = {"Code": code, "Message": message}
                answer = {"Error": error, "ResponseMetadata": {"HTTPStatusCode": 400}}
                raise ClientError(answer, model.name)
            if model.output_shape is not None:
                _validate(told, model.output_shape)
            return told

        return call


def _validate(value: Any, shape: Any) -> None:
    report = ParamValidator().validate(value, shape)
    if report.has_errors():
        raise ParamValidationError(report=report.generate_report())
    unknown = set(value) - set(shape.members) if shape is not None else set()
    assert not unknown, f"no such members: {unknown}"


@pytest.fixture
def script() -> Script:
    """Answers nothing but empty replies until it is told."""
    return Script()


@pytest.fixture
def cloud(script: Script) -> Cloud:
    """An endpoint behind the script."""
    return Cloud(
        endpoint="http://127.0.0.1:9", account="000000000000", region="us-east-1", clients=script.client
    )
