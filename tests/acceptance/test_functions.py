"""What a function can do wrong: told where the user looks, and the next invocation works."""

from __future__ import annotations

import base64
import json
import zipfile
from io import BytesIO
from typing import Any

import pytest
from botocore.exceptions import ClientError
from functions import function, history, machine, messages, packed, start
from running import Running, ended, role

SOURCE = """
import os, signal, sys, time

class BatchIsEmpty(Exception):
    pass

def handler(event, context):
    act = event["act"]
    if act == "raise":
        raise BatchIsEmpty("no rows in the batch")
    if act == "exit":
        sys.exit(3)
    if act == "vanish":
        os._exit(0)
    if act == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if act == "hang":
        time.sleep(60)
    if act == "not-json":
        return {1, 2, 3}
    if act == "large":
        return "a" * event["bytes"]
    if act == "print":
        for number in range(40_000):
            print(number, "x" * 50)
        return "printed"
    if act == "fork":
        if os.fork() == 0:
            time.sleep(60)
        return "forked"
    if act == "memory":
        held = bytearray(400 << 20)
        return len(held)
    if act == "deep":
        value = []
        for _ in range(100_000):
            value = [value]
        return value
    return {"act": act}
"""


@pytest.fixture(scope="module")
def faulty(server: Running) -> str:
    function(server, "faulty", SOURCE, Timeout=20, MemorySize=256)
    function(server, "hanging", SOURCE, Timeout=1, MemorySize=256)
    return "faulty"


@pytest.fixture(scope="module")
def calling(server: Running, faulty: str) -> str:
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"FunctionName.$": "$.function", "Payload.$": "$"},
        "End": True,
    }
    return machine(server, "calls-faulty", {"StartAt": "Call", "States": {"Call": task}})


def invoke(server: Running, name: str, event: Any) -> dict[str, Any]:
    found: dict[str, Any] = server.client("lambda").invoke(
        FunctionName=name, Payload=json.dumps(event), LogType="Tail"
    )
    return {
        "status": found["StatusCode"],
        "error": found.get("FunctionError"),
        "payload": json.loads(found["Payload"].read()),
        "tail": base64.b64decode(found["LogResult"]).decode(),
    }


#: what the function does; the error's type; a part of its message; a part of the log
FAULTS = [
    ("raise", "BatchIsEmpty", "no rows in the batch", "main.py"),
    ("exit", "Runtime.ExitError", "exit status 3", "Runtime.ExitError"),
    ("vanish", "Runtime.ExitError", "without providing a reason", "Runtime.ExitError"),
    ("kill", "Runtime.ExitError", "signal: killed", "Runtime.ExitError"),
    ("hang", "Sandbox.Timedout", "Task timed out after 1.00 seconds", "Task timed out after 1.00 seconds"),
    ("not-json", "Runtime.MarshalError", "set is not JSON serializable", "Runtime.MarshalError"),
    ("memory", "Runtime.ExitError", "signal: killed", "Runtime.ExitError"),
    ("deep", "Runtime.MarshalError", "", "Runtime.MarshalError"),
]


def performer(act: str) -> str:
    """The function that does it: one that hangs has one second only."""
    return "hanging" if act == "hang" else "faulty"


@pytest.mark.parametrize(("act", "kind", "says", "logged"), FAULTS)
@pytest.mark.usefixtures("faulty")
def test_a_fault_is_told_to_who_invokes_and_in_the_log(
    server: Running, act: str, kind: str, says: str, logged: str
) -> None:
    """Invoke answers 200 with FunctionError; the next invocation is served."""
    name = performer(act)
    found = invoke(server, name, {"act": act})
    assert (found["status"], found["error"]) == (200, "Unhandled")
    assert found["payload"]["errorType"] == kind
    assert says in found["payload"]["errorMessage"]
    assert logged in found["tail"]
    assert "REPORT RequestId: " in found["tail"]
    assert invoke(server, name, {"act": "echo"})["payload"] == {"act": "echo"}
    lines = messages(server, f"/aws/lambda/{name}")
    assert any(logged in line for line in lines)


@pytest.mark.parametrize(("act", "kind", "says", "logged"), FAULTS)
def test_a_fault_is_the_executions_error_and_cause(
    server: Running, calling: str, act: str, kind: str, says: str, logged: str
) -> None:
    found = ended(server, start(server, calling, {"function": performer(act), "act": act}))
    assert (found["status"], found["error"]) == ("FAILED", kind)
    assert says in found["cause"]
    last = history(server, found["executionArn"])[-1]
    assert last["executionFailedEventDetails"] == {"error": kind, "cause": found["cause"]}


def test_a_traceback_begins_at_the_users_frame(server: Running, faulty: str) -> None:
    trace = invoke(server, faulty, {"act": "raise"})["payload"]["stackTrace"]
    assert len(trace) == 1
    assert "main.py" in trace[0]
    assert "raise BatchIsEmpty" in trace[0]


def test_a_result_of_more_than_6_mb_is_refused(server: Running, faulty: str) -> None:
    found = invoke(server, faulty, {"act": "large", "bytes": 7 << 20})
    assert found["error"] == "Unhandled"
    assert found["payload"]["errorType"] == "Function.ResponseSizeTooLarge"
    assert len(invoke(server, faulty, {"act": "large", "bytes": 5 << 20})["payload"]) == 5 << 20


def test_a_result_of_more_than_256_kib_fails_the_state(server: Running, calling: str) -> None:
    found = ended(server, start(server, calling, {"function": "faulty", "act": "large", "bytes": 300 << 10}))
    assert (found["status"], found["error"]) == ("FAILED", "States.DataLimitExceeded")
    assert "size exceeding the maximum number of bytes" in found["cause"]
    kept = ended(server, start(server, calling, {"function": "faulty", "act": "large", "bytes": 200 << 10}))
    assert kept["status"] == "SUCCEEDED"


def test_megabytes_of_output_are_logged_and_hold_nothing_up(server: Running, faulty: str) -> None:
    found = invoke(server, faulty, {"act": "print"})
    assert found["payload"] == "printed"
    assert len(found["tail"]) <= 4096
    assert "39999 " in found["tail"]


def test_a_child_that_a_function_leaves_behind_holds_nothing_up(server: Running, faulty: str) -> None:
    assert invoke(server, faulty, {"act": "fork"})["payload"] == "forked"
    assert invoke(server, faulty, {"act": "echo"})["payload"] == {"act": "echo"}


@pytest.mark.parametrize(
    ("name", "source", "handler", "kind", "says"),
    [
        (
            "no-syntax",
            "def handler(event, context)\n    return 1\n",
            "main.handler",
            "Runtime.UserCodeSyntaxError",
            "main.py",
        ),
        ("no-import", "import sklearn\n", "main.handler", "Runtime.ImportModuleError", "sklearn"),
        ("no-handler", "x = 1\n", "main.handler", "Runtime.HandlerNotFound", "handler"),
        ("no-module", "x = 1\n", "other.handler", "Runtime.ImportModuleError", "other"),
        ("exits-early", "import sys\nsys.exit(4)\n", "main.handler", "Runtime.ExitError", "exit status 4"),
        ("raises-early", "raise ValueError('no settings')\n", "main.handler", "ValueError", "no settings"),
    ],
)
def test_code_that_cannot_be_loaded_is_told_by_every_invocation(
    server: Running, name: str, source: str, handler: str, kind: str, says: str
) -> None:
    arn = role(server, f"{name}-loading", "lambda.amazonaws.com")
    client = server.client("lambda")
    client.create_function(
        FunctionName=name, Runtime="python3.12", Handler=handler, Role=arn, Code={"ZipFile": packed(source)}
    )
    for _ in range(2):
        found = invoke(server, name, {})
        assert (found["error"], found["payload"]["errorType"]) == ("Unhandled", kind)
        assert says in found["payload"]["errorMessage"]


def link(name: str, target: bytes) -> bytes:
    content = BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        entry = zipfile.ZipInfo(name)
        entry.external_attr = 0o120777 << 16
        archive.writestr(entry, target)
    return content.getvalue()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (packed("", ("/etc/stepwell-was-here", b"a")), "/etc/stepwell-was-here"),
        (packed("", ("../outside.py", b"a")), "../outside.py"),
        (packed("", ("a/../../outside.py", b"a")), "a/../../outside.py"),
        (packed("", ("..\\outside.py", b"a")), "outside.py"),
        (link("leads-out", b"/etc/passwd"), "leads-out"),
        (link("leads-up", b"../../credentials.json"), "leads-up"),
        (b"this is no zip", "Could not unzip"),
        (packed("x = 1")[:-30], "Could not unzip"),
    ],
    ids=["absolute", "up", "up-inside", "backslash", "link", "link-up", "no-zip", "torn"],
)
def test_a_package_that_would_write_outside_of_itself_is_refused(
    server: Running, content: bytes, says: str
) -> None:
    arn = role(server, f"zips-{abs(hash(content))}", "lambda.amazonaws.com")
    client = server.client("lambda")
    with pytest.raises(ClientError) as refused:
        client.create_function(
            FunctionName="escapes",
            Runtime="python3.12",
            Handler="main.handler",
            Role=arn,
            Code={"ZipFile": content},
        )
    assert refused.value.response["Error"]["Code"] == "InvalidParameterValueException"
    assert says in refused.value.response["Error"]["Message"].replace("\\\\", "\\")
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_function(FunctionName="escapes")
    assert not list(server.data.rglob("outside.py"))


@pytest.mark.parametrize(
    ("payload", "code"),
    [(b"{", "InvalidRequestContentException"), (b'"' + b"a" * (7 << 20) + b'"', "RequestTooLargeException")],
    ids=["no-json", "too-large"],
)
def test_a_payload_that_is_no_event_never_reaches_the_function(
    server: Running, faulty: str, payload: bytes, code: str
) -> None:
    with pytest.raises(ClientError) as refused:
        server.client("lambda").invoke(FunctionName=faulty, Payload=payload)
    assert refused.value.response["Error"]["Code"] == code
