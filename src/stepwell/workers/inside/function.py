"""Runs a function's handler: the worker's side of Lambda's contract for Python.

Started with two descriptors, requests in and results out. A frame is two lengths (header and body, four
bytes each, big-endian), a JSON header, and a body of raw bytes. What the user's code prints goes to standard
output; one log event is one line there, its inner line ends written as U+001E.
"""

from __future__ import annotations

import builtins
import importlib
import io
import json
import logging
import os
import struct
import sys
import time
import traceback
from collections.abc import Callable
from decimal import Decimal
from types import TracebackType
from typing import Any

LENGTHS = struct.Struct(">II")
#: stands for a line end inside one log event
INNER_LINE_END = "\x1e"
#: where the contract puts the code and the layers
TASK_ROOT, LAYER_ROOT = "/var/task", "/opt"
#: runtimes that escape what is not ASCII in their results
ESCAPING = ("AWS_Lambda_python3.8", "AWS_Lambda_python3.9", "AWS_Lambda_python3.10", "AWS_Lambda_python3.11")


class FaultError(Exception):
    """An error that the runtime, not the user's code, reports."""

    def __init__(self, kind: str, message: str, trace: list[str] | None = None) -> None:
        super().__init__(message)
        self.kind = "Runtime." + kind
        self.message = message
        self.trace = trace or []


class Pipes:
    """The two descriptors that join this process to the server."""

    def __init__(self, requests: int, results: int) -> None:
        self.requests = os.fdopen(requests, "rb")
        self.results = os.fdopen(results, "wb")

    def receive(self) -> tuple[dict[str, Any], bytes] | None:
        """The next frame; None when the server is gone."""
        lengths = self.requests.read(LENGTHS.size)
        if len(lengths) < LENGTHS.size:
            return None
        header, body = LENGTHS.unpack(lengths)
        return json.loads(self.requests.read(header)), self.requests.read(body)

    def send(self, header: dict[str, Any], body: bytes = b"") -> None:
        """Raises BrokenPipeError when the server is gone."""
        text = json.dumps(header).encode()
        self.results.write(LENGTHS.pack(len(text), len(body)) + text + body)
        self.results.flush()


class LambdaContext:
    """What a handler gets as its second argument."""

    def __init__(self, header: dict[str, Any]) -> None:
        environment = os.environ
        self.aws_request_id = header["request_id"]
        self.function_name = environment.get("AWS_LAMBDA_FUNCTION_NAME")
        self.function_version = environment.get("AWS_LAMBDA_FUNCTION_VERSION")
        self.memory_limit_in_mb = environment.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
        self.log_group_name = environment.get("AWS_LAMBDA_LOG_GROUP_NAME")
        self.log_stream_name = environment.get("AWS_LAMBDA_LOG_STREAM_NAME")
        self.invoked_function_arn = header["function_arn"]
        self.tenant_id = None
        self.identity = Members(
            header.get("identity") or {}, "cognito_identity_id", "cognito_identity_pool_id"
        )
        given = header.get("client_context")
        self.client_context = None if given is None else ClientContext(given)
        self._deadline = header["deadline_ms"]

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int(self._deadline - time.time() * 1000))


class Members:
    """An object with the named attributes, None where nothing was given."""

    def __init__(self, values: dict[str, Any], *names: str) -> None:
        for name in names:
            setattr(self, name, values.get(name))


class ClientContext(Members):
    """The client context's attributes."""

    def __init__(self, values: dict[str, Any]) -> None:
        super().__init__(values, "custom", "env")
        names = ("installation_id", "app_title", "app_version_name", "app_version_code", "app_package_name")
        client = values.get("client")
        self.client = None if client is None else Members(client, *names)


class EventHandler(logging.Handler):
    """Writes each record as one log event."""

    def __init__(self) -> None:
        super().__init__()
        self.request_id = ""
        converter = logging.Formatter(
            "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s", "%Y-%m-%dT%H:%M:%S"
        )
        converter.converter = time.gmtime
        self.setFormatter(converter)

    def emit(self, record: logging.LogRecord) -> None:
        record.aws_request_id = self.request_id
        write_event(self.format(record))


def write_event(text: str) -> None:
    """Print `text` as one log event."""
    sys.stdout.write(text.rstrip("\n").replace("\n", INNER_LINE_END) + "\n")


def find_handler(name: str) -> Callable[[Any, LambdaContext], Any]:
    """The function that `name` (`folder/module.function`) names. Raises FaultError."""
    module_name, dot, attribute = name.rpartition(".")
    if not dot:
        message = f"Bad handler '{name}': not enough values to unpack (expected 2, got 1)"
        raise FaultError("MalformedHandlerName", message)
    if module_name.split(".")[0] in sys.builtin_module_names:
        raise FaultError(
            "BuiltInModuleConflict", f"Cannot use built-in module {module_name} as a handler module"
        )
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as error:
        raise FaultError("ImportModuleError", f"Unable to import module '{module_name}': {error}") from error
    except SyntaxError as error:
        trace = [f'  File "{error.filename}" Line {error.lineno}\n    {error.text}']
        message = f"Syntax error in module '{module_name}': {error}"
        raise FaultError("UserCodeSyntaxError", message, trace) from error
    try:
        found: Callable[[Any, LambdaContext], Any] = getattr(module, attribute)
    except AttributeError as error:
        message = f"Handler '{attribute}' missing on module '{module_name}'"
        raise FaultError("HandlerNotFound", message) from error
    return found


def marshal(value: Any) -> bytes:
    """A handler's result as it leaves: bytes as they are, all else as JSON. Raises FaultError.

    Decimals become numbers, as AWS's own runtime writes them; other types that JSON lacks are refused.
    """
    if isinstance(value, bytes):
        return value
    numbers: list[str] = []
    mark = os.urandom(8).hex()

    def default(item: Any) -> Any:
        if isinstance(item, Decimal):
            numbers.append("NaN" if item.is_nan() else str(item))
            return f"{mark}{len(numbers) - 1}"
        raise TypeError(f"Object of type {type(item).__name__} is not JSON serializable")

    escape = os.environ.get("AWS_EXECUTION_ENV") in ESCAPING
    try:
        text = json.dumps(value, ensure_ascii=escape, default=default)
        for position, number in enumerate(numbers):
            text = text.replace(f'"{mark}{position}"', number)
        return text.encode()
    except Exception as error:
        raise FaultError("MarshalError", f"Unable to marshal response: {error}") from error


def describe(error: BaseException, request_id: str) -> dict[str, Any]:
    """An error as Lambda answers it, its stack trace beginning at the user's code."""
    if isinstance(error, FaultError):
        kind, message, trace = error.kind, error.message, error.trace
    else:
        kind, message, trace = type(error).__name__, str(error), user_frames(error.__traceback__)
    return {"errorMessage": message, "errorType": kind, "requestId": request_id, "stackTrace": trace}


def user_frames(trace: TracebackType | None) -> list[str]:
    """The formatted frames behind those of this file and of the import system."""
    frames = traceback.extract_tb(trace)
    while frames and (frames[0].filename == __file__ or "importlib" in frames[0].filename):
        del frames[0]
    return traceback.format_list([(item.filename, item.lineno or 0, item.name, item.line) for item in frames])


def log_error(error: dict[str, Any]) -> None:
    """Print an error as the runtime does; inner indentation is made of no-break spaces."""
    lines = [
        "[ERROR] " + error["errorType"] + (": " if error["errorMessage"] else "") + error["errorMessage"]
    ]
    lines.append("Traceback (most recent call last):")
    for element in error["stackTrace"]:
        for line in element.splitlines():
            rest = line.lstrip(" ")
            lines.append("\u00a0" * (len(line) - len(rest)) + rest)
    write_event("\n".join(lines))


def prepare(wish: dict[str, Any]) -> None:
    """Shut this process in and lay out its paths as the contract has them."""
    confinement = importlib.import_module("confinement")
    confinement.die_with(wish["server"])
    mounted = confinement.confine(wish["confinement"])["mounted"]
    confinement.die_with(wish["server"])
    confinement.prctl(confinement.PR_SET_CHILD_SUBREAPER, 1)  # orphans stay in sight of the server
    del sys.modules["confinement"]
    root = TASK_ROOT if TASK_ROOT in mounted else wish["code"]
    layer = LAYER_ROOT if LAYER_ROOT in mounted else wish["layer"]
    if "/tmp" in mounted:
        os.environ["TMPDIR"] = "/tmp"
    os.environ["LAMBDA_TASK_ROOT"] = root
    os.chdir(root)
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    extra = [] if layer is None else [f"{layer}/python", f"{layer}/python/lib/{version}/site-packages"]
    named = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    own = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [root, *extra, *named, wish["runtime"], *(path for path in sys.path if path != own)]
    quitter = importlib.import_module("_sitebuiltins").Quitter
    for name in ("exit", "quit"):  # the site module, which is not run, would define them
        setattr(builtins, name, quitter(name, ""))


def peak_memory() -> int:
    """The most memory that this process held, in bytes."""
    with open("/proc/self/status") as file:
        for line in file:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0


def flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        stream.flush()


def serve(pipes: Pipes) -> int:
    """Load the handler, then answer one request after another until the server is gone."""
    first = pipes.receive()
    if first is None:
        return 0
    began = time.perf_counter()
    prepare(first[0])
    events = EventHandler()
    logging.getLogger().addHandler(events)
    try:
        handler = find_handler(first[0]["handler"])
    except Exception as error:
        result = describe(error, "")
        log_error(result)
        flush()
        pipes.send({"type": "init_error"}, json.dumps(result).encode())
        return 1
    flush()
    pipes.send({"type": "ready", "init_ms": (time.perf_counter() - began) * 1000})
    own = os.getpid()
    while True:
        frame = pipes.receive()
        if frame is None:
            return 0
        header, body = frame
        events.request_id = header["request_id"]
        answer, failed = respond(handler, header, body)
        flush()
        if os.getpid() != own:
            os._exit(0)  # a fork by the user's code came back: only the original answers
        pipes.send({"type": "result", "error": failed, "peak_memory": peak_memory()}, answer)


def respond(
    handler: Callable[[Any, LambdaContext], Any], header: dict[str, Any], body: bytes
) -> tuple[bytes, bool]:
    """The payload for one request, and whether it describes an error."""
    try:
        try:
            event = json.loads(body)
        except ValueError as error:
            raise FaultError("UnmarshalError", f"Unable to unmarshal input: {error}") from error
        return marshal(handler(event, LambdaContext(header))), False
    except Exception as error:
        result = describe(error, header["request_id"])
        log_error(result)
        return json.dumps(result).encode(), True


def main() -> int:
    requests, results = int(sys.argv[1]), int(sys.argv[2])
    for descriptor in (requests, results):
        os.set_inheritable(descriptor, False)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        setattr(
            sys, name, io.TextIOWrapper(stream.detach(), "utf-8", "backslashreplace", line_buffering=True)
        )
    return serve(Pipes(requests, results))


if __name__ == "__main__":
    sys.exit(main())
