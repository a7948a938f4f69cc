"""Scripts as supervised processes: contained, limited, ended whole, and found again."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from workers.conftest import run

from stepwell.errors import UsageError
from stepwell.workers import processes
from stepwell.workers.commands import Commands, CommandSpec, Script, StepResult, shared_folders, user_of
from stepwell.workers.environments import COMPLETE, Environments
from stepwell.workers.inside import command as program
from stepwell.workers.jobs import Exit, Jobs, User

MakeJobs = Callable[[], Jobs]
ID = "command-1"


@pytest.fixture
def commands(make_jobs: MakeJobs) -> Commands:
    return Commands(make_jobs())


def script(text: str, **more: object) -> Script:
    return Script(**{"name": "one", "text": text + "\n", "timeout": 30, **more})  # type: ignore[arg-type]


def execute(commands: Commands, *scripts: Script, **more: object) -> tuple[Exit, tuple[StepResult, ...]]:
    async def work() -> tuple[Exit, tuple[StepResult, ...]]:
        spec = CommandSpec(worker_id=ID, scripts=scripts, **more)  # type: ignore[arg-type]
        await commands.start(spec)
        exit_ = await commands.wait(ID)
        return exit_, commands.results(ID)

    return run(work())


def printed(commands: Commands, step: int = 0, stream: str = "stdout") -> str:
    path = commands.output(ID, step, stream)
    return path.read_text() if path else ""


@pytest.mark.parametrize(
    ("text", "status", "code"),
    [
        ("true", "Success", 0),
        ("exit 3", "Failed", 3),
        ("false\ntrue", "Success", 0),
        ("kill -9 $$", "Failed", 137),
        ("no-such-program", "Failed", 127),
    ],
)
def test_the_last_command_decides(commands: Commands, text: str, status: str, code: int) -> None:
    exit_, [result] = execute(commands, script(text))
    assert (result.status, result.code) == (status, code)
    assert exit_.succeeded


def test_the_streams_are_kept_apart(commands: Commands) -> None:
    execute(commands, script("echo out; echo err >&2"))
    assert (printed(commands), printed(commands, stream="stderr")) == ("out\n", "err\n")


def test_a_first_line_may_name_another_interpreter(commands: Commands) -> None:
    execute(commands, script("#!/bin/bash\necho ${BASH_VERSION:+bash} {1..3}"))
    assert printed(commands) == "bash 1 2 3\n"


def test_scripts_see_their_own_variables_and_none_of_the_servers(
    commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_THE_SERVER", "1")
    execute(commands, script("env"), variables={"SSM_COMMAND_ID": "c", "AWS_PROFILE": "prod"})
    found = dict(line.partition("=")[::2] for line in printed(commands).splitlines())
    assert found["SSM_COMMAND_ID"] == "c"
    assert found["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4566"
    assert not {"SECRET_OF_THE_SERVER", "AWS_PROFILE", "AWS_ACCESS_KEY_ID"} & set(found)


def test_scripts_neither_read_nor_change_what_is_not_theirs(commands: Commands, data: Path) -> None:
    outside = data.parent / "outside"
    outside.mkdir()
    execute(commands, script(f"cat {data}/secret; touch {outside}/x {data}/x; echo mine > mine; cat mine"))
    assert printed(commands) == "mine\n"
    assert list(outside.iterdir()) == []
    assert not (data / "x").exists()


def test_scripts_change_the_folders_that_they_are_given(make_jobs: MakeJobs, tmp_path: Path) -> None:
    given = tmp_path / "given"
    given.mkdir()
    commands = Commands(make_jobs(), share=(given,))
    execute(commands, script("pwd; echo kept > kept", directory=str(given)))
    assert printed(commands) == f"{given}\n"
    assert (given / "kept").read_text() == "kept\n"


def test_a_script_may_run_the_python_of_an_image_that_was_built(make_jobs: MakeJobs, tmp_path: Path) -> None:
    """Environments lie in a user's cache, which no script reads otherwise."""
    folder = tmp_path / "cache" / "environments" / "one"
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").symlink_to(sys.executable)
    (folder / COMPLETE).write_text("{}")
    built = Environments(cache=tmp_path / "cache", data=tmp_path)
    execute(Commands(make_jobs()), script(f"ls {folder}"))
    assert printed(Commands(make_jobs())) == ""
    commands = Commands(make_jobs(), environments=built.readable)
    spec = CommandSpec(worker_id="command-2", scripts=(script(f"{folder}/bin/python -c 'print(6*7)'"),))

    async def work() -> None:
        await commands.start(spec)
        await commands.wait("command-2")

    run(work())
    path = commands.output("command-2", 0, "stdout")
    assert path is not None
    assert path.read_text() == "42\n"


def test_a_folder_that_is_not_there_fails_the_step(commands: Commands) -> None:
    _, [result] = execute(commands, script("true", directory="/nowhere"))
    assert (result.status, result.code) == ("Failed", 1)
    assert "cannot start in /nowhere" in printed(commands, stream="stderr")


def test_a_script_that_hangs_is_ended_with_all_that_it_started(commands: Commands) -> None:
    """What it started would hold its output, and so the command, for longer than a test may take."""
    _, [first, second] = execute(
        commands, script("sleep 300 & sleep 300", timeout=1), script("echo next", name="two")
    )
    assert (first.status, first.code, second.status) == ("TimedOut", 137, "Success")


def test_what_a_script_left_running_ends_with_the_command(commands: Commands) -> None:
    execute(commands, script("setsid sleep 300 & echo $!"))
    pid = int(printed(commands))
    assert processes.start_time(pid) is None


def test_a_flood_is_cut_and_holds_nothing(commands: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    _, [result] = execute(commands, script("yes | head -c 40000000; echo done >&2"))
    assert result.status == "Success"
    path = commands.output(ID, 0, "stdout")
    assert path is not None
    assert path.stat().st_size == program.LIMIT
    assert printed(commands, stream="stderr") == "done\n"


def test_a_script_that_forks_without_end_is_ended(commands: Commands) -> None:
    exit_, [result] = execute(commands, script("while :; do sleep 300 & done", timeout=30))
    assert exit_.reason == "processes"
    assert result.ended is None


def test_a_cancel_ends_the_script_and_what_would_follow(commands: Commands) -> None:
    async def work() -> Exit:
        await commands.start(
            CommandSpec(worker_id=ID, scripts=(script("sleep 300"), script("echo never", name="two")))
        )
        while not commands.results(ID):
            await asyncio.sleep(0.01)
        commands.stop(ID)
        return await commands.wait(ID)

    assert run(work()).reason == "stopped"
    [result] = commands.results(ID)
    assert (result.status, result.code) == ("Cancelled", 137)
    assert printed(commands, 1) == ""


@pytest.mark.parametrize(
    ("scripts", "statuses"),
    [
        ([("false", {}), ("true", {})], ["Failed", "Success"]),
        ([("false", {"on_failure": "exit"}), ("echo no", {}), ("echo yes", {"final": True})], "FSS"),
        ([("exit 4", {"on_failure": "successAndExit"}), ("echo no", {})], "SS"),
        ([("true", {"exit_on_success": True}), ("echo no", {})], "SS"),
        ([("echo no", {"runs": False}), ("true", {})], "SS"),
    ],
)
def test_steps_follow_as_the_document_says(
    commands: Commands, scripts: list[tuple[str, dict[str, object]]], statuses: str
) -> None:
    _, results = execute(
        commands, *(script(text, name=f"step{n}", **more) for n, (text, more) in enumerate(scripts))
    )
    assert [result.status[0] for result in results] == [status[0] for status in statuses]
    everything = "".join(printed(commands, number) for number in range(len(scripts)))
    assert "no\n" not in everything
    assert ("yes\n" in everything) == any("echo yes" in text for text, _ in scripts)


def test_a_second_server_finds_the_command_and_never_starts_it_twice(make_jobs: MakeJobs) -> None:
    async def work() -> tuple[StepResult, ...]:
        spec = CommandSpec(worker_id=ID, scripts=(script("sleep 1; date +%N"),))
        await Commands(make_jobs()).start(spec)
        jobs = make_jobs()
        assert await jobs.attach_all() == [ID]
        second = Commands(jobs)
        assert second.known(ID)
        await second.start(spec)
        await second.wait(ID)
        return second.results(ID)

    [result] = run(work())
    assert result.status == "Success"


@pytest.mark.parametrize("text", ["nonsense", '[{"name": 1}]', "{}", ""])
def test_a_script_that_spoils_its_result_spoils_nothing_else(commands: Commands, text: str) -> None:
    find_runner = "read -r line < /proc/$PPID/stat; set -- $line"
    execute(commands, script(f"printf %s '{text}' > ../../result.json; {find_runner}; kill -9 $4; sleep 5"))
    assert commands.results(ID) == ()


def test_links_lead_out_of_no_commands_folder(commands: Commands, data: Path) -> None:
    execute(
        commands,
        script(f"cd ../../output; rm 0.stdout; ln -s {data}/secret 0.stdout; mkfifo 1.stdout"),
    )
    assert commands.output(ID, 0, "stdout") is None
    assert commands.output(ID, 1, "stdout") is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can have commands run as others")
def test_commands_may_run_as_another_user(make_jobs: MakeJobs) -> None:
    commands = Commands(make_jobs(), user=user_of("nobody"))
    execute(commands, script("id -un; echo x > own; cat own; cat /etc/shadow"))
    assert printed(commands) == "nobody\nx\n"


def test_only_known_users_run_commands() -> None:
    with pytest.raises(UsageError, match="no user"):
        user_of("nobody-of-that-name")
    own = user_of(__import__("pwd").getpwuid(os.geteuid()).pw_name)
    assert isinstance(own, User)
    assert own.uid == os.geteuid()


def test_commands_are_given_no_folder_that_opens_the_data(data: Path, tmp_path: Path) -> None:
    fine = tmp_path / "fine"
    fine.mkdir()
    assert shared_folders((fine,), data) == (fine.resolve(),)
    for path in (data, data.parent, Path("/")):
        with pytest.raises(UsageError, match="would open the data folder"):
            shared_folders((path,), data)
    with pytest.raises(UsageError, match="no folder"):
        shared_folders((tmp_path / "none",), data)
