"""Service models: found by botocore's names, with metadata that needs no full load."""

import pytest

from stepwell.api import models


@pytest.mark.parametrize(
    ("service", "key", "value"),
    [
        ("stepfunctions", "signingName", None),
        ("stepfunctions", "targetPrefix", "AWSStepFunctions"),
        ("sagemaker", "protocol", "json"),
        ("sagemaker-runtime", "signingName", "sagemaker"),
        ("s3", "protocol", "rest-xml"),
        ("iam", "apiVersion", "2010-05-08"),
    ],
)
def test_metadata_is_what_the_model_says(service: str, key: str, value: str | None) -> None:
    assert models.service_metadata(service).get(key) == models.service_model(service).metadata.get(key)
    if value is not None:
        assert models.service_metadata(service)[key] == value


def test_an_operation_model_is_made_once() -> None:
    first = models.operation_model("stepfunctions", "StartExecution")
    assert first is models.operation_model("stepfunctions", "StartExecution")
    assert "input" in first.input_shape.members


@pytest.mark.parametrize("name", ["nosuch", "..", "endpoints.json", ""])
def test_a_service_without_a_model_is_a_lookup_error(name: str) -> None:
    with pytest.raises(LookupError):
        models.service_model(name)


def test_an_unknown_operation_is_named() -> None:
    with pytest.raises(LookupError, match="Frobnicate"):
        models.operation_model("stepfunctions", "Frobnicate")
