"""The serving program keeps the contract of SageMaker's inference toolkit."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from stepwell.workers.inside import serve


def module(**functions: Any) -> ModuleType:
    made = ModuleType("inference")
    made.__dict__.update(functions)
    return made


def plain_module(**functions: Any) -> ModuleType:
    """A script that needs no numpy: doubles a JSON number."""
    default = {
        "model_fn": lambda model_dir: 2,
        "input_fn": lambda body, content_type: json.loads(body),
        "predict_fn": lambda data, model: data * model,
        "output_fn": lambda prediction, accept: json.dumps(prediction),
    }
    return module(**{**default, **functions})


def answer(made: ModuleType, body: bytes = b"21", **headers: str) -> tuple[int, str, bytes]:
    model = serve.Model(made, "/models")
    return model.answer(body, {name.replace("_", "-"): value for name, value in headers.items()})


def unsupported(first: Any, second: Any) -> Any:
    raise serve.UnsupportedFormatError("image/png")


def broken(data: Any, model: Any) -> Any:
    raise ValueError("bad weights")


def test_the_four_functions_are_called_in_turn() -> None:
    assert answer(plain_module()) == (200, "application/json", b"42")


@pytest.mark.parametrize(
    ("functions", "status", "error"),
    [
        ({"input_fn": unsupported}, 415, "UnsupportedFormatError"),
        ({"output_fn": unsupported}, 406, "UnsupportedFormatError"),
        ({"predict_fn": broken}, 500, "ValueError"),
        ({"predict_fn": unsupported}, 500, "UnsupportedFormatError"),
        ({"input_fn": lambda body: body}, 500, "TypeError"),
    ],
)
def test_errors_are_answered_with_their_status_and_message(
    functions: dict[str, Any], status: int, error: str
) -> None:
    found, content_type, body = answer(plain_module(**functions))
    told = json.loads(body)
    assert (found, content_type, told["error"]) == (status, "application/json", error)
    assert told["error-message"]


def test_a_stack_trace_begins_at_the_user_s_code() -> None:
    told = json.loads(answer(plain_module(predict_fn=broken))[2])
    assert told["stack-trace"].splitlines()[1].endswith("in broken")


@pytest.mark.parametrize(("content_type", "kind"), [("text/csv", str), ("application/x-image", bytes)])
def test_text_comes_as_text_and_all_else_as_bytes(content_type: str, kind: type) -> None:
    seen: list[Any] = []
    made = plain_module(input_fn=lambda body, content_type: seen.append(body) or 1)
    answer(made, b"1,2", content_type=content_type)
    assert type(seen[0]) is kind


@pytest.mark.parametrize(
    ("accept", "expected"), [("", "application/json"), ("*/*", "application/json"), ("a/b", "a/b")]
)
def test_the_accept_header_reaches_output_fn(accept: str, expected: str) -> None:
    made = plain_module(output_fn=lambda prediction, accept: accept)
    assert answer(made, accept=accept) == (200, expected, expected.encode())


def test_output_fn_may_name_its_content_type() -> None:
    made = plain_module(output_fn=lambda prediction, accept: (b"x", "image/png"))
    assert answer(made) == (200, "image/png", b"x")


def test_a_context_is_given_to_functions_that_take_it() -> None:
    made = plain_module(
        model_fn=lambda model_dir, context: context.system_properties["model_dir"],
        predict_fn=lambda data, model, context: [model, context.get_request_header(0, "X-Amzn-Trace")],
    )
    assert json.loads(answer(made, x_amzn_trace="t")[2]) == ["/models", "t"]


def test_transform_fn_does_it_all() -> None:
    made = module(
        model_fn=lambda d: "m", transform_fn=lambda model, body, kind, accept: (model + body, "text/x")
    )
    assert answer(made, b"b", content_type="text/csv") == (200, "text/x", b"mb")


def test_transform_fn_beside_the_others_is_refused() -> None:
    with pytest.raises(ValueError, match="in conjunction"):
        serve.Model(plain_module(transform_fn=lambda *a: None), "/models")


def test_a_model_without_model_fn_is_refused() -> None:
    with pytest.raises(NotImplementedError, match="model_fn"):
        serve.Model(module(), "/models")


@pytest.mark.parametrize(
    ("variable", "files", "expected"),
    [
        (None, ["model/code/inference.py", "model/inference.py"], "model/code/inference.py"),
        ("mine.py", ["model/code/inference.py", "model/code/mine.py"], "model/code/mine.py"),
        (None, ["code/inference.py"], "code/inference.py"),
        (None, ["model/inference.py"], "model/inference.py"),
        (None, [], None),
    ],
)
def test_the_script_is_found(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    variable: str | None,
    files: list[str],
    expected: str | None,
) -> None:
    monkeypatch.delenv("SAGEMAKER_PROGRAM", raising=False)
    monkeypatch.delenv("SAGEMAKER_SUBMIT_DIRECTORY", raising=False)
    if variable is not None:
        monkeypatch.setenv("SAGEMAKER_PROGRAM", variable)
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = serve.find_script(str(tmp_path))
    assert found == (None if expected is None else str(tmp_path / expected))
