"""The program itself: its commands, exit codes, and what it does not import."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from botocore.exceptions import EndpointConnectionError

from stepwell import cli
from stepwell.cli import COMMANDS, SUMMARIES, connection


def test_each_command_has_a_summary() -> None:
    assert list(COMMANDS) == list(SUMMARIES)


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_explains_itself(run, name):
    ended = run(name, "--help")
    assert ended.code == 0
    assert ended.out.startswith(f"Usage: stepwell {name}")
    assert ended.err == ""


def test_help_names_every_command(run):
    ended = run("--help")
    assert ended.code == 0
    assert all(f"  {name} " in ended.out for name in COMMANDS)


@pytest.mark.parametrize(
    ("given", "advice"),
    [("histroy", "Did you mean `history`?"), ("xyzzy", "There are: serve, stop, status")],
)
def test_an_unknown_command_is_wrong_usage_and_names_what_there_is(run, given, advice):
    ended = run(given)
    assert ended.code == 2
    assert f"there is no command `{given}`. {advice}" in ended.err
    assert ended.out == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ("history",),
        ("start", "m", "--nonsense"),
        ("executions", "--status", "DONE"),
        ("executions", "--limit", "0"),
        ("validate", "no-such-file"),
        ("serve", "--listen", "here"),
        ("serve", "--account", "12"),
        ("serve", "--region", "Paris"),
        ("logs", "--since", "yesterday"),
        ("start", "m", "--input", "{"),
        ("start", "m", "--input", "@no-such-file"),
    ],
)
def test_wrong_usage_exits_with_2_and_says_so_on_standard_error(run, server, arguments):
    ended = run(*arguments)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err
    assert server.asked == []


@pytest.mark.parametrize(
    "arguments",
    [("status",), ("env",), ("start", "m"), ("executions",), ("history", "e"), ("logs",)],
)
def test_without_a_server_a_command_fails_and_says_how_to_start_one(run, tmp_path, arguments):
    ended = run(*arguments, "--data", str(tmp_path))
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == (
        f"stepwell: no server runs on {tmp_path}. Start one: stepwell serve --data {tmp_path}\n"
    )


def test_a_folder_without_a_server_is_stopped_already(run, tmp_path):
    ended = run("stop", "--data", str(tmp_path))
    assert (ended.code, ended.err) == (0, f"no server runs on {tmp_path}\n")


def test_a_server_that_does_not_answer_is_one_line_and_no_traceback(run, server):
    def fail(_):
        raise EndpointConnectionError(endpoint_url="http://127.0.0.1:45660")

    server.answers["ListStateMachines"] = fail
    ended = run("executions")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("stepwell: Could not connect")
    assert len(ended.err.splitlines()) == 1


def test_a_fault_of_ours_is_shown_whole(run, server, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("a fault")

    monkeypatch.setattr(connection, "client", fail)
    monkeypatch.setattr(sys, "argv", ["stepwell", "executions"])
    with pytest.raises(RuntimeError, match="a fault"):
        cli.main()


@pytest.mark.parametrize(
    "module", ["stepwell.cli", "stepwell.cli.server", "stepwell.cli.runs", "stepwell.cli.logs"]
)
def test_importing_the_commands_imports_nothing_large(module):
    code = (
        f"import sys, {module}\n"
        "large = {'boto3', 'botocore', 'rich', 'uvicorn', 'httpx', 'asyncio', 'stepwell.app'}\n"
        "print(sorted(large & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=20
    )
    assert done.stdout == "[]\n"


def test_a_reader_that_went_away_is_no_traceback():
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "stepwell", "validate", "-"],
            input="{}",
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=20,
        )
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (1, "")


def test_a_key_that_may_not_be_read_is_told_apart_from_no_server(run, data, monkeypatch):
    def refuse(_):
        raise PermissionError

    monkeypatch.setattr(Path, "read_text", refuse)
    ended = run("env", "--data", str(data))
    assert (ended.code, ended.out) == (2, "")
    assert "run this as the user who runs the server" in ended.err
