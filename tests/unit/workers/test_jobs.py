"""A job is one supervised process: started once, limited, stopped, recorded, found again."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stepwell.workers import containment, processes, supervisor
from stepwell.workers.endings import ended
from stepwell.workers.inside import confinement
from stepwell.workers.jobs import Jobs, JobSpec, Limits, WorkerError

from .conftest import printed, python_job, run, run_job

MakeJobs = Callable[[], Jobs]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("pass", (0, None)),
        ("raise SystemExit(3)", (3, None)),
        ("raise ValueError", (1, None)),
        ("import os; os.kill(os.getpid(), 9)", (None, 9)),
        ("import os; os._exit(255)", (255, None)),
    ],
)
def test_the_exit_is_the_process_s_own(
    make_jobs: MakeJobs, code: str, expected: tuple[int | None, int | None]
) -> None:
    exit_, _ = run_job(make_jobs(), python_job("job", code))
    assert (exit_.code, exit_.signal, exit_.reason) == (*expected, "exit")
    assert exit_.succeeded == (expected == (0, None))


def test_a_program_that_does_not_exist_ends_the_job_with_an_explanation(make_jobs: MakeJobs) -> None:
    jobs = make_jobs()
    exit_, lines = run_job(jobs, JobSpec(worker_id="job", command=("/no/such/program",)))
    assert exit_.code == 127
    assert "/no/such/program" in "\n".join(lines)


def test_both_streams_are_logged_in_order_with_their_times(make_jobs: MakeJobs) -> None:
    code = "import os\nfor n in range(3):\n os.write(1, b'out %d\\n' % n); os.write(2, b'err %d\\n' % n)"
    jobs = make_jobs()
    before = time.time()

    async def work() -> list[tuple[float, str]]:
        await jobs.start(python_job("job", code))
        return [line async for batch in jobs.lines("job") for line in batch.lines]

    lines = run(work())
    assert [text for _, text in lines] == ["out 0", "err 0", "out 1", "err 1", "out 2", "err 2"]
    assert all(before - 0.001 <= moment <= time.time() for moment, _ in lines)


def test_the_last_line_is_logged_without_a_line_end(make_jobs: MakeJobs) -> None:
    _, lines = run_job(make_jobs(), python_job("job", "print('a\\nb', end='')"))
    assert lines == ["a", "b"]


def test_a_log_has_a_size_and_the_job_goes_on_beyond_it(make_jobs: MakeJobs) -> None:
    code = "for n in range(20000): print('x' * 100)"
    exit_, lines = run_job(make_jobs(), python_job("job", code, limits=Limits(log_bytes=10_000)))
    assert exit_.succeeded
    assert len(lines) < 100
    assert lines[-1] == "[log cut: more than 10000 bytes]"


def test_a_second_start_attaches_to_the_first(make_jobs: MakeJobs, tmp_path: Path) -> None:
    jobs = make_jobs()
    code = "import sys, time; print('once'); time.sleep(0.2)"

    async def work() -> list[str]:
        handles = await asyncio.gather(*(jobs.start(python_job("job", code)) for _ in range(3)))
        assert len({handle.folder for handle in handles}) == 1
        await jobs.wait("job")
        await make_jobs().start(python_job("job", "print('again')"))
        return await printed(jobs, "job")

    assert run(work()) == ["once"]


def test_what_is_staged_is_what_the_job_sees_and_what_it_leaves_is_there(make_jobs: MakeJobs) -> None:
    jobs = make_jobs()
    folder = jobs.staging("job")
    assert folder is not None
    (folder / "input").write_text("42")
    code = """
        import os
        base = os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml")
        assert os.path.realpath(os.getcwd()) == os.path.realpath(base)
        text = open(os.path.join(base, "input")).read()
        open(os.path.join(base, "output"), "w").write(text[::-1])
    """
    exit_, lines = run_job(jobs, python_job("job", textwrap.dedent(code)))
    assert exit_.succeeded, lines
    assert (folder / "output").read_text() == "24"
    assert jobs.staging("job") is None


def test_the_environment_holds_nothing_of_the_server_s(
    make_jobs: MakeJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAREAL")
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "https://s3.amazonaws.com")
    monkeypatch.setenv("MY_SECRET", "word")
    code = "import os; print('\\n'.join(f'{k}={v}' for k, v in os.environ.items()))"
    _, lines = run_job(make_jobs(), python_job("job", code, variables={"MINE": "1"}))
    names = {line.partition("=")[0] for line in lines}
    assert not names & {"AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_ENDPOINT_URL_S3", "MY_SECRET"}
    assert "production" not in "\n".join(lines)
    assert {"MINE=1", "AWS_ENDPOINT_URL=http://127.0.0.1:4566", "AWS_REGION=eu-west-1"} <= set(lines)


def test_the_longest_runtime_ends_a_job_that_ignores_sigterm(make_jobs: MakeJobs) -> None:
    code = "import signal, time; signal.signal(15, lambda *_: print('asked', flush=True))\n"
    code += "print('up', flush=True)\nwhile True: time.sleep(1)"
    exit_, lines = run_job(make_jobs(), python_job("job", code, limits=Limits(runtime=0.4, grace=0.3)))
    assert (exit_.reason, exit_.signal) == ("max_runtime", 9)
    assert lines == ["up", "asked"]


def test_a_stop_lets_the_job_save_its_work(make_jobs: MakeJobs) -> None:
    code = """
        import signal, sys, time
        def save(*_):
            print("saved", flush=True)
            sys.exit(0)
        signal.signal(signal.SIGTERM, save)
        print("up", flush=True)
        while True: time.sleep(1)
    """
    jobs = make_jobs()

    async def work() -> None:
        await jobs.start(python_job("job", textwrap.dedent(code)))
        async for _ in jobs.lines("job"):
            break
        jobs.stop("job")
        exit_ = await jobs.wait("job")
        assert (exit_.reason, exit_.code) == ("stopped", 0)
        assert await printed(jobs, "job") == ["up", "saved"]

    run(work())


def test_a_job_over_its_memory_is_killed(make_jobs: MakeJobs) -> None:
    code = "import time\nheld = []\nwhile True: held.append(bytearray(4 << 20)); time.sleep(0.005)"
    exit_, _ = run_job(make_jobs(), python_job("job", code, limits=Limits(memory_bytes=100 << 20)))
    assert (exit_.reason, exit_.signal) == ("memory", 9)
    assert exit_.peak_memory > 100 << 20
    assert "allowed are 104857600" in exit_.detail


def test_memory_that_forks_share_is_counted_once(make_jobs: MakeJobs) -> None:
    code = """
        import os, time
        held = bytearray(os.urandom(40 << 20))
        for _ in range(4):
            if os.fork() == 0:
                time.sleep(0.8); os._exit(0)
        time.sleep(0.8)
    """
    limits = Limits(memory_bytes=120 << 20)
    exit_, _ = run_job(make_jobs(), python_job("job", textwrap.dedent(code), limits=limits))
    assert exit_.succeeded


def test_a_job_over_its_disk_is_killed(make_jobs: MakeJobs) -> None:
    code = (
        "import time\nfor n in range(1000):\n open(f'file{n}', 'wb').write(bytes(1 << 20)); time.sleep(0.01)"
    )
    exit_, _ = run_job(make_jobs(), python_job("job", code, limits=Limits(disk_bytes=8 << 20)))
    assert (exit_.reason, exit_.signal) == ("disk", 9)


def test_no_file_may_outgrow_the_disk_between_two_looks_at_it(make_jobs: MakeJobs) -> None:
    code = "import resource; print(*resource.getrlimit(resource.RLIMIT_FSIZE))"
    _, lines = run_job(make_jobs(), python_job("job", code, limits=Limits(disk_bytes=1 << 20)))
    assert lines == ["1048576 1048576"]


def test_too_many_processes_end_the_job(make_jobs: MakeJobs) -> None:
    code = "import os, time\nfor _ in range(30):\n if os.fork() == 0: time.sleep(30)\ntime.sleep(30)"
    exit_, _ = run_job(make_jobs(), python_job("job", code, limits=Limits(processes=10)))
    assert exit_.reason == "processes"


def test_nothing_that_a_job_started_survives_it(make_jobs: MakeJobs, data: Path) -> None:
    code = """
        import os, time
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                print("escaped", flush=True)
                time.sleep(60)
            os._exit(0)
        time.sleep(0.3)
    """
    jobs = make_jobs()
    exit_, lines = run_job(jobs, python_job("job", textwrap.dedent(code)))
    assert exit_.succeeded
    assert lines == ["escaped"]
    while processes.of_folder(jobs.root):
        time.sleep(0.01)


STARTER = """
import asyncio, os, signal, sys
from pathlib import Path
from stepwell.workers.jobs import Jobs, JobSpec
data = Path(sys.argv[1])
async def main():
    jobs = Jobs(root=data / "workers" / "jobs", data=data, endpoint="http://127.0.0.1:1", region="us-east-1")
    code = "import time; print('begun', flush=True); time.sleep(1); print('done')"
    read = (Path(sys.prefix), Path(sys.base_prefix))
    await jobs.start(JobSpec(worker_id="job", command=(sys.executable, "-I", "-c", code), read=read))
    async for batch in jobs.lines("job"):
        print(batch.offset, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(main())
"""


def test_a_job_outlives_its_server_and_the_next_one_goes_on_where_the_log_was(
    make_jobs: MakeJobs, data: Path
) -> None:
    server = subprocess.run(
        [sys.executable, "-c", STARTER, str(data)], capture_output=True, text=True, check=False
    )
    assert server.returncode == -signal.SIGKILL, server.stderr
    jobs = make_jobs()

    async def work() -> None:
        assert await jobs.attach_all() == ["job"]
        rest = [
            line
            for _, line in [item async for b in jobs.lines("job", int(server.stdout)) for item in b.lines]
        ]
        assert rest == ["done"]
        assert (await jobs.wait("job")).succeeded
        assert await jobs.attach_all() == []

    run(work())


def test_a_stop_that_was_asked_for_while_nobody_looked_holds(make_jobs: MakeJobs) -> None:
    jobs = make_jobs()

    async def work() -> None:
        await jobs.start(python_job("job", "import time; time.sleep(60)"))
        (jobs.folder("job") / "stop").touch()
        assert (await make_jobs().wait("job")).reason == "stopped"

    run(work())


def test_a_killed_supervisor_takes_the_job_along_and_it_fails_as_an_internal_error(
    make_jobs: MakeJobs,
) -> None:
    code = """
        import os, time
        if os.fork() == 0:
            os.setsid()
        print(os.getpid(), flush=True)
        time.sleep(60)
    """
    jobs = make_jobs()

    async def work() -> None:
        await jobs.start(python_job("job", textwrap.dedent(code)))
        pids: list[int] = []
        async for batch in jobs.lines("job"):
            pids += [int(text) for _, text in batch.lines]
            if len(pids) == 2:
                break
        status = jobs.status("job")
        assert status is not None
        os.kill(status["supervisor"]["pid"], signal.SIGKILL)
        exit_ = await jobs.wait("job")
        assert (exit_.reason, exit_.succeeded) == ("internal", False)
        assert await jobs.attach_all() == []
        while any(processes.start_time(pid) is not None for pid in pids):
            await asyncio.sleep(0.01)  # killed, and gone once the machine's first process has seen to it

    run(work())


def test_a_job_whose_data_folder_was_removed_ends(make_jobs: MakeJobs, data: Path) -> None:
    jobs = make_jobs()

    async def work() -> None:
        await jobs.start(python_job("job", "import time; time.sleep(60)"))
        status = jobs.status("job")
        assert status is not None
        keeper = processes.from_json(status["supervisor"])
        assert keeper is not None
        while data.exists():  # the supervisor may write its status in between
            shutil.rmtree(data, ignore_errors=True)
        await ended(keeper)
        while processes.of_folder(jobs.root):
            await asyncio.sleep(0.01)

    run(work(), 10)


def test_a_start_that_was_cut_off_before_its_supervisor_is_made_good(make_jobs: MakeJobs) -> None:
    jobs = make_jobs()

    async def work() -> None:
        real = Jobs._launch
        try:

            async def cut_off(self: Jobs, folder: Path) -> None:
                raise asyncio.CancelledError

            Jobs._launch = cut_off  # type: ignore[method-assign]
            with pytest.raises(asyncio.CancelledError):
                await jobs.start(python_job("job", "print('late')"))
        finally:
            Jobs._launch = real  # type: ignore[method-assign]
        assert await make_jobs().attach_all() == ["job"]
        assert (await jobs.wait("job")).succeeded

    run(work())


@pytest.mark.skipif(not containment.is_boundary(), reason="this machine has nothing to contain workers with")
def test_a_job_sees_nothing_of_the_data_folder_but_its_own(make_jobs: MakeJobs, data: Path) -> None:
    code = f"""
        import errno, os
        def attempt(what):
            try:
                what()
            except OSError as error:
                refusals = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT)
                return "refused" if error.errno in refusals else str(error)
            return "done"
        secret = {str(data / "secret")!r}
        print(attempt(lambda: open(secret).read()))
        attempt(lambda: open({str(data / "new")!r}, "w"))
        attempt(lambda: open(os.path.join(os.environ["STEPWELL_WORKER_FOLDER"], "status.json"), "w"))
        print(attempt(lambda: open(os.path.join(os.environ["HOME"], "mine"), "w")))
        print(attempt(lambda: open("/proc/{os.getpid()}/environ").read()))
        print(attempt(lambda: os.kill({os.getpid()}, 0)))
    """
    exit_, lines = run_job(make_jobs(), python_job("job", textwrap.dedent(code)))
    assert exit_.succeeded, lines
    assert lines[:3] == ["refused", "done", "refused"]
    assert (data / "secret").read_text() == "the server's key"
    assert not (data / "new").exists()
    if confinement.landlock_version() >= 6:
        assert lines[3] == "refused", "a job signals the server"


def test_a_program_is_looked_up_and_a_path_below_opt_ml_is_the_job_s(make_jobs: MakeJobs) -> None:
    jobs = make_jobs()
    folder = jobs.staging("job")
    assert folder is not None
    (folder / "words").write_text("from the job's folder")
    exit_, lines = run_job(jobs, JobSpec(worker_id="job", command=("cat", "/opt/ml/words")))
    assert (exit_.code, lines) == (0, ["from the job's folder"])


def test_without_a_mount_a_job_is_told_where_its_folder_is(
    make_jobs: MakeJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(containment, "rules", without(containment.rules, mounts=[]))
    jobs = make_jobs()
    folder = jobs.staging("job")
    assert folder is not None
    (folder / "words").write_text("plain")
    command = ("/bin/sh", "-c", 'cat "$1" "$SAGEMAKER_BASE_DIR/words"; pwd', "sh", "/opt/ml/words")
    exit_, lines = run_job(jobs, JobSpec(worker_id="job", command=command))
    assert not exit_.mounted
    assert lines == [f"plainplain{folder}"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_without_landlock_and_as_root_a_job_is_another_user(
    make_jobs: MakeJobs, monkeypatch: pytest.MonkeyPatch, data: Path
) -> None:
    monkeypatch.setattr(containment, "rules", without(containment.rules, landlock=False))
    monkeypatch.setattr(containment, "INSIDE", Path("/usr"))
    data.chmod(0o700)
    jobs = make_jobs()
    command = (
        "/bin/sh",
        "-c",
        f"id -u; cat {data / 'secret'} 2>&1; echo mine > /opt/ml/out; cat /opt/ml/out",
    )
    exit_, lines = run_job(jobs, JobSpec(worker_id="job", command=command))
    assert exit_.mounted
    assert lines[0] == str(containment.NOBODY)
    assert "Permission denied" in lines[1] or "No such file" in lines[1]
    assert lines[2] == "mine"


def without(rules: Callable[..., dict[str, Any]], **changes: Any) -> Callable[..., dict[str, Any]]:
    """The rules of a machine that lacks something."""

    def changed(**given: Any) -> dict[str, Any]:
        return {**rules(**given), **changes}

    return changed


def test_the_supervisor_needs_the_standard_library_only() -> None:
    program = f"""
import sys
sys.path.insert(0, {str(Path(supervisor.__file__).parents[2])!r})
import stepwell.workers.supervisor
known = sys.stdlib_module_names | {{"stepwell", "__main__"}}
print(sorted(name for name in sys.modules if name.partition(".")[0] not in known))
"""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_a_job_without_network_reaches_nothing(make_jobs: MakeJobs) -> None:
    code = """
        import socket
        try:
            socket.create_connection(("127.0.0.1", 9), 1)
        except ConnectionRefusedError:
            print("reached")
        except OSError as error:
            print("unreachable")
    """
    exit_, lines = run_job(make_jobs(), python_job("job", textwrap.dedent(code), network=False))
    if exit_.reason == "internal":
        assert "isolation is refused" in exit_.detail
    else:
        assert lines == ["unreachable"]


@pytest.mark.parametrize("worker_id", ["", "..", "a/b", "-x", "x" * 129])
def test_an_id_that_is_no_file_name_is_refused(make_jobs: MakeJobs, worker_id: str) -> None:
    with pytest.raises(WorkerError, match="not a worker id"):
        make_jobs().known(worker_id)


def test_an_ended_job_can_be_forgotten_and_a_running_one_cannot(make_jobs: MakeJobs) -> None:
    jobs = make_jobs()

    async def work() -> None:
        await jobs.start(python_job("job", "import time; time.sleep(60)"))
        with pytest.raises(WorkerError, match="still runs"):
            jobs.forget("job")
        jobs.stop("job")
        await jobs.wait("job")
        jobs.forget("job")
        assert not jobs.known("job")
        with pytest.raises(WorkerError, match="no job"):
            jobs.stop("job")

    run(work())
