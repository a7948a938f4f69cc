"""Serves a model over HTTP, by the contract of SageMaker's inference toolkit and scikit-learn container.

`GET /ping` and `POST /invocations` on SAGEMAKER_BIND_TO_PORT. The user's script, SAGEMAKER_PROGRAM or
`inference.py`, lies in the model's `code` folder; what it does not define (but model_fn) is done as the
container does it. uvicorn is of the environment; everything else here is the standard library's.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import inspect
import io
import json
import os
import sys
import traceback
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from types import ModuleType
from typing import Any, Tuple  # noqa: UP035

JSON, CSV, NPY = "application/json", "text/csv", "application/x-npy"
#: bodies of these types reach the user's code as text
TEXT_TYPES = (JSON, CSV)
ANY = "*/*"

Answer = Tuple[int, str, bytes]  # noqa: UP006 (evaluated, and Python 3.8 has no tuple[...])


class UnsupportedFormatError(Exception):
    """A content type that neither the user's code nor the container knows."""

    def __init__(self, content_type: str) -> None:
        super().__init__(
            f"Content type {content_type} is not supported by this framework.\n\n"
            "Please implement input_fn to to deserialize the request data or an output_fn to\n"
            "serialize the response. For more information, see the SageMaker Python SDK README."
        )


class Context:
    """What the newer form of the user's functions gets as its last argument."""

    def __init__(self, model_dir: str, headers: Mapping[str, str]) -> None:
        self.system_properties = {"model_dir": model_dir, "gpu_id": None}
        self._headers = headers

    def get_all_request_header(self, index: int) -> dict[str, str]:
        return dict(self._headers)

    def get_request_header(self, index: int, name: str) -> str | None:
        return self._headers.get(name.lower())


def decode(body: Any, content_type: str) -> Any:
    """A request's body as an array. Raises UnsupportedFormatError."""
    numpy = importlib.import_module("numpy")
    kind = content_type.partition(";")[0].strip().lower()
    if kind == JSON:
        return numpy.array(json.loads(body)).astype(numpy.float32)
    if kind == CSV:
        return numpy.genfromtxt(io.StringIO(body), delimiter=",").astype(numpy.float32)
    if kind == NPY:
        return numpy.load(io.BytesIO(body), allow_pickle=False)
    raise UnsupportedFormatError(content_type)


def encode(prediction: Any, accept: str) -> Any:
    """A prediction as a response's body. Raises UnsupportedFormatError."""
    numpy = importlib.import_module("numpy")
    kind = accept.partition(";")[0].strip().lower()
    if kind == JSON:
        return json.dumps(prediction, default=plain)
    if kind == CSV:
        text = io.StringIO()
        numpy.savetxt(text, prediction, delimiter=",", fmt="%s")
        return text.getvalue()
    if kind == NPY:
        data = io.BytesIO()
        numpy.save(data, prediction)
        return data.getvalue()
    raise UnsupportedFormatError(accept)


def plain(value: Any) -> Any:
    """An array or a scalar of a library as JSON knows it. Raises TypeError."""
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def predict(data: Any, model: Any) -> Any:
    return model.predict(data)


def no_model(model_dir: str) -> Any:
    raise NotImplementedError(
        "Please provide a model_fn implementation.\n"
        "See documentation for model_fn at https://github.com/aws/sagemaker-python-sdk"
    )


class Model:
    """The loaded model with the functions around it."""

    def __init__(self, module: ModuleType, model_dir: str) -> None:
        self.model_dir = model_dir
        self.transform_fn = getattr(module, "transform_fn", None)
        given = [getattr(module, name, None) for name in ("input_fn", "predict_fn", "output_fn")]
        if self.transform_fn and any(given):
            raise ValueError(
                "Cannot use transform_fn implementation in conjunction with "
                "input_fn, predict_fn, and/or output_fn implementation"
            )
        self.input_fn = given[0] or decode
        self.predict_fn = given[1] or predict
        self.output_fn = given[2] or encode
        self.execution_parameters_fn = getattr(module, "execution_parameters_fn", None)
        load = getattr(module, "model_fn", no_model)
        self.model = call(load, (model_dir,), Context(model_dir, {}))

    def answer(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Status, content type and body for one request; errors are answered, not raised."""
        default = os.environ.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", JSON)
        content_type = headers.get("content-type") or JSON
        accept = headers.get("accept") or ANY
        accept = default if accept == ANY else accept
        context = Context(self.model_dir, headers)
        kind = content_type.partition(";")[0].strip().lower()
        try:
            data: Any = body.decode() if kind in TEXT_TYPES else body
            if self.transform_fn is not None:
                result = call(self.transform_fn, (self.model, data, content_type, accept), context)
            else:
                result = self._steps(data, content_type, accept, context)
        except Refused as refusal:
            return refused(refusal.error, refusal.status)
        except Exception as error:
            print(user_trace(error), file=sys.stderr, end="")
            return refused(error, HTTPStatus.INTERNAL_SERVER_ERROR)
        return self._reply(result, accept)

    def _steps(self, data: Any, content_type: str, accept: str, context: Context) -> Any:
        """Decode, predict, encode."""
        try:
            decoded = call(self.input_fn, (data, content_type), context)
        except Exception as error:
            if is_format_error(error):
                raise Refused(error, HTTPStatus.UNSUPPORTED_MEDIA_TYPE) from error
            raise
        prediction = call(self.predict_fn, (decoded, self.model), context)
        try:
            return call(self.output_fn, (prediction, accept), context)
        except Exception as error:
            if is_format_error(error):
                raise Refused(error, HTTPStatus.NOT_ACCEPTABLE) from error
            raise

    @staticmethod
    def _reply(result: Any, accept: str) -> Answer:
        """What output_fn gave: the body, or the body and its type, or an object that has both."""
        content_type = accept
        if isinstance(result, tuple):
            result, content_type = result[0], result[1]
        elif hasattr(result, "get_data") and hasattr(result, "mimetype"):
            result, content_type = result.get_data(), result.mimetype
        if isinstance(result, str):
            result = result.encode()
        if not isinstance(result, (bytes, bytearray)):
            result = json.dumps(result, default=plain).encode()
        return HTTPStatus.OK, content_type, bytes(result)


class Refused(Exception):
    """A request that is answered with an error of the client's."""

    def __init__(self, error: Exception, status: int) -> None:
        super().__init__(str(error))
        self.error = error
        self.status = status


def is_format_error(error: Exception) -> bool:
    """Ours, or a toolkit's class of the same name that the user's code raised."""
    return type(error).__name__ == "UnsupportedFormatError"


def user_trace(error: Exception) -> str:
    """The traceback from the user's code on: this file's frames before it are left out."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    return "".join(traceback.format_exception(type(error), error, trace))


def refused(error: Exception, status: int) -> Answer:
    """An error as the container answers it."""
    body = {"error": type(error).__name__, "error-message": str(error), "stack-trace": user_trace(error)}
    return status, JSON, json.dumps(body).encode()


def call(function: Callable[..., Any], arguments: tuple[Any, ...], context: Context) -> Any:
    """Call a user's function with or without the context, as it declares. Raises TypeError for others."""
    count = len(inspect.signature(function).parameters)
    if count == len(arguments):
        return function(*arguments)
    if count == len(arguments) + 1:
        return function(*arguments, context)
    raise TypeError(f"{function.__name__} takes {count} arguments but {len(arguments)} were given.")


def find_script(base: str) -> str | None:
    """The user's script; None when there is none."""
    name = os.environ.get("SAGEMAKER_PROGRAM", "inference.py")
    submitted = os.environ.get("SAGEMAKER_SUBMIT_DIRECTORY", "")
    folders = [os.path.join(base, "model", "code"), os.path.join(base, "code"), os.path.join(base, "model")]
    if submitted.startswith("/"):
        folders.insert(0, submitted)
    for folder in folders:
        path = os.path.join(folder, name)
        if os.path.isfile(path):
            return path
    return None


def load(base: str) -> Model:
    """Import the user's script and have it load the model. Raises whatever it raises."""
    installer = importlib.import_module("requirements_txt")
    own = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [path for path in sys.path if os.path.abspath(path or ".") != own]
    script = find_script(base)
    if script is None:
        module = ModuleType("inference")
    else:
        folder = os.path.dirname(script)
        packages = installer.install(folder, base)
        sys.path[:0] = [folder] if packages is None else [folder, packages]
        name = os.path.splitext(os.path.basename(script))[0]
        specification = importlib.util.spec_from_file_location(name, script)
        if specification is None or specification.loader is None:
            raise ImportError(f"{script} is no Python script")
        module = importlib.util.module_from_spec(specification)
        sys.modules[name] = module
        specification.loader.exec_module(module)
    return Model(module, os.path.join(base, "model"))


class Application:
    """The ASGI application: reads requests on the loop, predicts in threads."""

    def __init__(self, model: Model, threads: int) -> None:
        self.model = model
        self.threads = threads
        self.pool = ThreadPoolExecutor(threads)

    async def __call__(
        self,
        scope: dict[str, Any],
        receive: Callable[[], Awaitable[dict[str, Any]]],
        send: Callable[[dict[str, Any]], Awaitable[None]],
    ) -> None:
        if scope["type"] != "http":
            return
        pieces = []
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            pieces.append(message.get("body", b""))
            if not message.get("more_body"):
                break
        status, content_type, body = await self._route(scope, b"".join(pieces))
        headers = [(b"content-type", content_type.encode()), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": int(status), "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _route(self, scope: dict[str, Any], body: bytes) -> Answer:
        route = (scope["method"], scope["path"])
        if route == ("GET", "/ping"):
            return HTTPStatus.OK, JSON, b"\n"
        if route == ("GET", "/execution-parameters"):
            return HTTPStatus.OK, JSON, self._parameters()
        if route == ("POST", "/invocations"):
            headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self.pool, self.model.answer, body, headers)
        return HTTPStatus.NOT_FOUND, JSON, b'{"error": "NotFound"}'

    def _parameters(self) -> bytes:
        """What a batch transform asks before it begins."""
        if self.model.execution_parameters_fn is not None:
            return json.dumps(self.model.execution_parameters_fn()).encode()
        default = {
            "BatchStrategy": "MULTI_RECORD",
            "MaxConcurrentTransforms": self.threads,
            "MaxPayloadInMB": 6,
        }
        return json.dumps(default).encode()


def main() -> int:
    base = os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml")
    port = int(os.environ.get("SAGEMAKER_BIND_TO_PORT", "8080"))
    # The toolkit's word for processes: user code that wants one at a time gets it unless it says otherwise.
    threads = int(os.environ.get("SAGEMAKER_MODEL_SERVER_WORKERS") or 1)
    try:
        model = load(base)
    except Exception as error:
        print(user_trace(error), file=sys.stderr, end="")
        return 1
    uvicorn = importlib.import_module("uvicorn")
    uvicorn.run(
        Application(model, threads),
        host="127.0.0.1",
        port=port,
        http="httptools",
        loop="asyncio",
        lifespan="off",
        log_level="warning",
        access_log=False,
        timeout_keep_alive=300,
        timeout_graceful_shutdown=60,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
