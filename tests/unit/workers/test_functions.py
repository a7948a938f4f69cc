"""A function keeps Lambda's contract for Python, whatever its code does."""

from __future__ import annotations

import asyncio
import json
import sys
import textwrap
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stepwell.workers import containment, processes
from stepwell.workers.functions import Functions
from stepwell.workers.invocations import FunctionSpec, Invocation, InvocationResult, exit_text
from stepwell.workers.worker_environment import Credentials

from .conftest import run

ARN = "arn:aws:lambda:us-east-1:000000000000:function:f"
RUNTIME = f"python3.{sys.version_info[1]}"


class Bench:
    """A place for a function's code, and a pool to run it in."""

    def __init__(self, data: Path, cache: Path) -> None:
        self.data = data
        self.cache = cache
        self.code = data / "code"
        self.code.mkdir()

    def write(self, source: str, name: str = "app.py") -> None:
        path = self.code / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(source))

    def spec(self, **changes: Any) -> FunctionSpec:
        spec = FunctionSpec(
            name="f",
            revision="1",
            code=self.code,
            handler="app.handler",
            runtime=RUNTIME,
            timeout=5,
            memory=256,
        )
        return replace(spec, **changes)

    def pool(self, **options: Any) -> Functions:
        return Functions(
            root=self.data / "functions",
            data=self.data,
            cache=self.cache,
            endpoint="http://127.0.0.1:4566",
            region="us-east-1",
            **options,
        )

    def invoke(self, *payloads: Any, **changes: Any) -> list[InvocationResult]:
        """Invoke once for each payload, one after the other, in one pool."""

        async def work() -> list[InvocationResult]:
            pool = self.pool()
            try:
                return [await pool.invoke(self.spec(**changes), invocation(item)) for item in payloads]
            finally:
                await pool.close()

        return run(work())


def invocation(payload: Any = None, **changes: Any) -> Invocation:
    given = Invocation(payload=json.dumps(payload).encode(), request_id="req-1", function_arn=ARN)
    return replace(given, **changes)


def texts(result: InvocationResult) -> list[str]:
    return [text for _, text in result.events]


def error(result: InvocationResult) -> dict[str, Any]:
    assert result.function_error == "Unhandled"
    found: dict[str, Any] = json.loads(result.payload)
    return found


@pytest.fixture
def bench(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    cache = tmp_path_factory.getbasetemp() / "cache"
    return Bench(data, cache)


@pytest.mark.parametrize("value", [None, 1, 1.5, "ü", [1, {"a": None}], {"b": True}, 10**30])
def test_an_event_comes_in_and_a_result_goes_out_as_json(bench: Bench, value: Any) -> None:
    bench.write("def handler(event, context): return event")
    (result,) = bench.invoke(value)
    assert result.function_error is None
    assert json.loads(result.payload) == value


@pytest.mark.parametrize(
    ("source", "payload"),
    [
        ("import decimal\ndef handler(e, c): return {'d': decimal.Decimal('1.10')}", b'{"d": 1.10}'),
        ("def handler(e, c): return b'raw'", b"raw"),
    ],
)
def test_decimals_and_bytes_leave_as_on_aws(bench: Bench, source: str, payload: bytes) -> None:
    bench.write(source)
    (result,) = bench.invoke(None)
    assert result.payload == payload


INIT_ERRORS = [
    ("nodot", "", "Runtime.MalformedHandlerName", "Bad handler 'nodot'"),
    (
        "none.handler",
        "",
        "Runtime.ImportModuleError",
        "Unable to import module 'none': No module named 'none'",
    ),
    ("app.handler", "import numpi", "Runtime.ImportModuleError", "Unable to import module 'app'"),
    ("app.handler", "def handler(:", "Runtime.UserCodeSyntaxError", "Syntax error in module 'app'"),
    (
        "app.other",
        "def handler(e, c): pass",
        "Runtime.HandlerNotFound",
        "Handler 'other' missing on module 'app'",
    ),
    ("sys.exit", "", "Runtime.BuiltInModuleConflict", "Cannot use built-in module sys as a handler module"),
    ("app.handler", "raise KeyError('x')", "KeyError", "'x'"),
]


@pytest.mark.parametrize(("handler", "source", "kind", "message"), INIT_ERRORS)
def test_what_cannot_be_loaded_says_why(
    bench: Bench, handler: str, source: str, kind: str, message: str
) -> None:
    bench.write(source)
    (result,) = bench.invoke(None, handler=handler)
    found = error(result)
    assert found["errorType"] == kind
    assert found["errorMessage"].startswith(message)
    assert list(found) == ["errorMessage", "errorType", "requestId", "stackTrace"]
    assert any(text.startswith(f"[ERROR] {kind}") for text in texts(result))


EXITED = "RequestId: req-1 Error: Runtime exited"
RUN_ERRORS = [
    ("raise ValueError('bad')", "ValueError", "bad"),
    ("raise type('Mine', (Exception,), {})('x')", "Mine", "x"),
    ("return {1, 2}", "Runtime.MarshalError", "Unable to marshal response: Object of type set"),
    ("import datetime; return datetime.date.today()", "Runtime.MarshalError", "Unable to marshal response"),
    ("import sys; sys.exit(1)", "Runtime.ExitError", f"{EXITED} with error: exit status 1"),
    ("exit()", "Runtime.ExitError", f"{EXITED} without providing a reason"),
    ("import os; os._exit(7)", "Runtime.ExitError", f"{EXITED} with error: exit status 7"),
    ("import os; os.kill(os.getpid(), 11)", "Runtime.ExitError",
     f"{EXITED} with error: signal: segmentation fault"),
    ("return 'x' * (7 << 20)", "Function.ResponseSizeTooLarge",
     "Response payload size exceeded maximum allowed payload size (6291556 bytes)."),
]  # fmt: skip


@pytest.mark.parametrize(("body", "kind", "message"), RUN_ERRORS)
def test_what_goes_wrong_in_the_handler_is_the_result(
    bench: Bench, body: str, kind: str, message: str
) -> None:
    bench.write(f"def handler(event, context):\n    {body}")
    (result,) = bench.invoke(None)
    found = error(result)
    assert found["errorType"] == kind
    assert found["errorMessage"].startswith(message)


def test_a_stack_trace_begins_at_the_user_s_code(bench: Bench) -> None:
    bench.write("def inner(): raise ValueError('no')\ndef handler(e, c): inner()")
    (result,) = bench.invoke(None)
    found = error(result)
    assert found["requestId"] == "req-1"
    assert [entry.split("\n")[1].strip() for entry in found["stackTrace"]] == [
        "def handler(e, c): inner()",
        "def inner(): raise ValueError('no')",
    ]
    event = next(text for text in texts(result) if text.startswith("[ERROR]"))
    assert event.startswith("[ERROR] ValueError: no\nTraceback (most recent call last):\n\u00a0\u00a0File")


def test_a_hang_is_ended_at_the_timeout_and_the_next_invocation_gets_a_new_process(bench: Bench) -> None:
    bench.write(
        "import time\nprint('loaded')\ndef handler(e, c):\n    time.sleep(60 if e else 0)\n    return 'ok'"
    )
    hung, fine = bench.invoke(True, False, timeout=0.4)
    assert json.loads(hung.payload) == {
        "errorType": "Sandbox.Timedout",
        "errorMessage": "RequestId: req-1 Error: Task timed out after 0.40 seconds",
    }
    assert 400 <= hung.duration < 2000
    assert fine.payload == b'"ok"'
    assert fine.init_duration is not None


def test_a_memory_hog_is_killed(bench: Bench) -> None:
    bench.write("import time\ndef handler(e, c):\n    x = bytearray(200 << 20)\n    time.sleep(5)")
    (result,) = bench.invoke(None, memory=128)
    assert error(result)["errorMessage"].endswith("Runtime exited with error: signal: killed")
    assert result.max_memory == 128


def test_a_fork_that_comes_back_does_not_answer_twice(bench: Bench) -> None:
    bench.write("import os\ndef handler(e, c):\n    return [e, os.fork() == 0][0]")
    results = bench.invoke(1, 2, 3)
    assert [json.loads(result.payload) for result in results] == [1, 2, 3]


def test_megabytes_of_output_cost_neither_the_result_nor_the_server(bench: Bench) -> None:
    bench.write("def handler(e, c):\n    for n in range(40000): print('x' * 1000)\n    return 'ok'")
    (result,) = bench.invoke(None, timeout=20)
    assert result.payload == b'"ok"'
    assert sum(len(text) for text in texts(result)) < 20 << 20
    assert any("bytes of output were dropped" in text for text in texts(result))
    assert len(result.log_tail) == 4096
    assert result.log_tail.decode().splitlines()[-1].startswith("REPORT RequestId: req-1")


def test_large_payloads_pass_both_ways(bench: Bench) -> None:
    bench.write("def handler(event, context): return event[::-1]")
    (result,) = bench.invoke("ab" * (2 << 20))
    assert json.loads(result.payload) == "ba" * (2 << 20)


def test_the_log_has_lambda_s_lines_in_order(bench: Bench) -> None:
    bench.write("""
        import logging, sys
        print("loading")
        def handler(event, context):
            print("out")
            sys.stderr.write("err\\n")
            logging.getLogger().error("two\\nlines")
            print("no end", end="")
    """)
    cold, warm = bench.invoke(None, None)
    kinds = [text.split()[0] for text in texts(cold)]
    assert kinds == ["INIT_START", "loading", "START", "out", "err", "[ERROR]", "no", "END", "REPORT"]
    assert texts(cold)[2] == "START RequestId: req-1 Version: $LATEST"
    level, moment, request_id, message = texts(cold)[5].split("\t")
    assert (level, request_id, message) == ("[ERROR]", "req-1", "two\nlines")
    assert moment.endswith("Z")
    assert "Init Duration" in texts(cold)[-1]
    assert [text.split()[0] for text in texts(warm)] == [
        "START",
        "out",
        "err",
        "[ERROR]",
        "no",
        "END",
        "REPORT",
    ]
    assert "Init Duration" not in texts(warm)[-1]
    assert cold.log_stream == warm.log_stream


def test_the_context_has_lambda_s_attributes(bench: Bench) -> None:
    bench.write("""
        def handler(event, context):
            return {
                "request": context.aws_request_id, "name": context.function_name,
                "version": context.function_version, "arn": context.invoked_function_arn,
                "memory": context.memory_limit_in_mb, "group": context.log_group_name,
                "stream": context.log_stream_name, "left": context.get_remaining_time_in_millis(),
                "custom": context.client_context.custom, "identity": context.identity.cognito_identity_id,
            }
    """)

    async def work() -> InvocationResult:
        pool = bench.pool()
        result = await pool.invoke(bench.spec(), invocation(client_context={"custom": {"a": "b"}}))
        await pool.close()
        return result

    result = run(work())
    found = json.loads(result.payload)
    assert 0 < found.pop("left") <= 5000
    assert found == {
        "request": "req-1", "name": "f", "version": "$LATEST", "arn": ARN, "memory": "256",
        "group": "/aws/lambda/f", "stream": result.log_stream, "custom": {"a": "b"}, "identity": None,
    }  # fmt: skip


def test_a_function_sees_the_sdk_its_own_code_and_nothing_of_the_server(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "real")
    bench.write("""
        import importlib, os
        def found(name):
            try:
                importlib.import_module(name)
            except ImportError:
                return False
            return True
        def handler(event, context):
            names = ["boto3", "helper", "stepwell", "pytest", "msgspec", "confinement", "function"]
            return [[name for name in names if found(name)], dict(os.environ), os.getcwd()]
    """)
    bench.write("", "helper.py")
    (result,) = bench.invoke(None, timeout=20, variables={"MINE": "1"})
    names, environment, folder = json.loads(result.payload)
    assert names == ["boto3", "helper"]
    assert not {"AWS_PROFILE", "AWS_SECRET_ACCESS_KEY"} & set(environment)
    assert environment["MINE"] == "1"
    assert environment["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4566"
    assert environment["LAMBDA_TASK_ROOT"] == folder


@pytest.mark.skipif(not containment.is_boundary(), reason="this machine has nothing to contain workers with")
def test_a_function_cannot_read_the_data_folder_nor_change_its_code(bench: Bench) -> None:
    bench.write(f"""
        import os, tempfile
        def attempt(what):
            try:
                what()
            except OSError as error:
                return type(error).__name__
            return "done"
        def handler(event, context):
            return [
                attempt(lambda: open({str(bench.data / "secret")!r}).read()),
                attempt(lambda: os.stat({str(bench.data / "secret")!r})),
                attempt(lambda: open({str(bench.code / "app.py")!r}, "w")),
                attempt(lambda: open("new.py", "w")),
                attempt(lambda: tempfile.TemporaryFile()),
                attempt(lambda: open("/tmp/mine", "w")),
            ]
    """)
    (result,) = bench.invoke(None)
    read, looked, code, new_code, temporary, in_tmp = json.loads(result.payload)
    assert read in ("PermissionError", "FileNotFoundError")  # there is nothing of it in a /tmp of its own
    assert looked in ("done", "FileNotFoundError")  # landlock hides no names
    assert {code, new_code} <= {
        "OSError",
        "PermissionError",
    }  # a read-only file system, as on AWS; or landlock
    assert temporary == "done"
    assert in_tmp == "done" or not containment._namespace().available
    assert not Path("/tmp/mine").exists()


def test_a_warm_process_keeps_its_state_and_a_new_revision_does_not(bench: Bench) -> None:
    bench.write("seen = []\ndef handler(e, c):\n    seen.append(e)\n    return seen")

    async def work() -> list[bytes]:
        pool = bench.pool()
        found = [(await pool.invoke(bench.spec(), invocation(n))).payload for n in (1, 2)]
        found.append((await pool.invoke(bench.spec(revision="2"), invocation(3))).payload)
        await pool.close()
        return found

    assert run(work()) == [b"[1]", b"[1, 2]", b"[3]"]


def test_simultaneous_invocations_get_a_process_each_up_to_the_limit(bench: Bench) -> None:
    bench.write("import os, time\ndef handler(e, c):\n    time.sleep(0.3)\n    return os.getpid()")

    async def work() -> set[bytes]:
        pool = bench.pool(limit=2)
        results = await asyncio.gather(*(pool.invoke(bench.spec(), invocation()) for _ in range(4)))
        await pool.close()
        return {result.payload for result in results}

    assert len(run(work())) == 2


def test_a_process_that_waits_makes_room_for_another_function(bench: Bench) -> None:
    bench.write("import os\ndef handler(e, c): return os.getpid()")

    async def work() -> None:
        pool = bench.pool(limit=1)
        first = int((await pool.invoke(bench.spec(), invocation())).payload)
        assert int((await pool.invoke(bench.spec(), invocation())).payload) == first
        assert int((await pool.invoke(bench.spec(name="g"), invocation())).payload) != first
        while processes.start_time(first) is not None:
            await asyncio.sleep(0.01)
        await pool.close()

    run(work())


def test_an_idle_process_ends_and_leaves_nothing(bench: Bench) -> None:
    bench.write("import os\ndef handler(e, c): return os.getpid()")

    async def work() -> None:
        pool = bench.pool(idle=0.05)
        pid = int((await pool.invoke(bench.spec(), invocation())).payload)
        while processes.start_time(pid) is not None:
            await asyncio.sleep(0.02)
        while list(pool.root.iterdir()):
            await asyncio.sleep(0.02)
        await pool.close()

    run(work())


def test_credentials_reach_the_function_and_a_process_ends_before_they_do(bench: Bench) -> None:
    bench.write("import os\ndef handler(e, c): return [os.environ['AWS_ACCESS_KEY_ID'], os.getpid()]")
    given: list[str] = []

    async def credentials() -> Credentials:
        given.append(f"ASIA{len(given)}")
        return Credentials(
            access_key_id=given[-1], secret_access_key="s", session_token="t", expires_at=time.time() + 30
        )

    async def work() -> list[Any]:
        pool = bench.pool()
        spec = bench.spec(credentials=credentials)
        found = [json.loads((await pool.invoke(spec, invocation())).payload) for _ in range(2)]
        await pool.close()
        return found

    first, second = run(work())
    assert (first[0], second[0]) == ("ASIA0", "ASIA1")
    assert first[1] != second[1]


def test_a_function_dies_with_its_server(bench: Bench, tmp_path: Path) -> None:
    bench.write("""
        import os, time
        def handler(event, context):
            open(os.environ["TMPDIR"] + "/pid", "w").write(str(os.getpid()))
            time.sleep(60)
    """)
    program = f"""
import asyncio
from pathlib import Path
from stepwell.workers.functions import Functions
from stepwell.workers.invocations import FunctionSpec, Invocation
data = Path({str(bench.data)!r})
async def main():
    cache = Path({str(bench.cache)!r})
    pool = Functions(root=data / "functions", data=data, cache=cache, endpoint="", region="r")
    spec = FunctionSpec(name="f", revision="1", code=data / "code", handler="app.handler",
        runtime={RUNTIME!r}, timeout=60, memory=256)
    await pool.invoke(spec, Invocation(payload=b"1", request_id="r", function_arn="a"))
asyncio.run(main())
"""

    async def work() -> None:
        server = await asyncio.create_subprocess_exec(sys.executable, "-c", program)
        while not (found := [*bench.data.glob("functions/*/tmp/pid")]) or not found[0].read_text():
            assert server.returncode is None
            await asyncio.sleep(0.02)
        pid = int(found[0].read_text())
        assert processes.start_time(pid) is not None
        server.kill()
        await server.wait()
        while processes.start_time(pid) is not None:
            await asyncio.sleep(0.02)

    run(work())


def test_a_layer_is_on_the_path_behind_the_code(bench: Bench, data: Path) -> None:
    layer = data / "layer" / "python"
    layer.mkdir(parents=True)
    (layer / "shared.py").write_text("name = 'layer'")
    (layer / "app2.py").write_text("raise AssertionError")
    bench.write("import shared, app2\ndef handler(e, c): return shared.name")
    bench.write("", "app2.py")
    (result,) = bench.invoke(None, layer=data / "layer")
    assert result.payload == b'"layer"'


def test_an_absent_python_is_replaced_with_a_warning(bench: Bench) -> None:
    bench.write("def handler(e, c): return 'ok'")
    (result,) = bench.invoke(None, runtime="python3.99")
    assert result.payload == b'"ok"'
    assert any(text.startswith("[WARN] python3.99 is not on this machine") for text in texts(result))


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (0, "Runtime exited without providing a reason"),
        (127, "Runtime exited with error: exit status 127"),
        (-9, "Runtime exited with error: signal: killed"),
    ],
)
def test_an_exit_is_spelt_as_lambda_spells_it(code: int, text: str) -> None:
    assert exit_text(code) == text


@pytest.mark.parametrize(
    ("environment", "ending"), [("{}", "return os.getpid()"), ("os.environ", "os._exit(3)")]
)
def test_a_daemon_ends_with_the_process_that_it_came_from(
    bench: Bench, environment: str, ending: str
) -> None:
    """It left its session and its parent; one of a process that crashed is known by its environment."""
    mark = str(time.time_ns() % 10**8 + 10**8)
    bench.write(f"""
        import os, time
        def handler(event, context):
            if os.fork() == 0:
                os.setsid()
                if os.fork() == 0:
                    os.execve("/bin/sleep", ["sleep", "{mark}"], {environment})
                os._exit(0)
            time.sleep(0.2)
            {ending}
    """)
    bench.invoke(None)
    commands = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    assert not [command for command in commands if mark.encode() in command]
