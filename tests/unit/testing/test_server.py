"""What becomes of a test when the server in its process goes wrong."""

from __future__ import annotations

from typing import Any

import pytest

from stepwell.clock import ManualClock
from stepwell.config import Config
from stepwell.testing.server import InProcess, Thread


class Broken(BaseException):
    """A fault of the core itself."""


@pytest.fixture
def thread(tmp_path: Any) -> Thread:
    config = Config(data=tmp_path / "data", cache=tmp_path / "cache", port=0, durable=False)
    return Thread(InProcess(config, ManualClock(), patience=30))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_fault_of_the_core_fails_the_test_and_not_pytest(thread: Thread) -> None:
    def break_down(draft: Any) -> None:
        raise Broken

    thread.server.loop.submit(break_down)
    with pytest.raises(RuntimeError, match="the server's core failed") as caught:
        thread.run(thread.server.calm())
    assert isinstance(caught.value.__cause__, Broken)
    thread.close()


def test_the_server_does_not_wait_for_itself(thread: Thread) -> None:
    async def call() -> None:
        thread.call("sts", "GetCallerIdentity")

    with pytest.raises(RuntimeError, match="the server waits for itself"):
        thread.run(call())
    thread.close()


def test_what_a_coroutine_raises_is_raised_where_it_is_waited_for(thread: Thread) -> None:
    async def late() -> None:
        raise TimeoutError("its own")

    with pytest.raises(TimeoutError, match="its own"):
        thread.run(late())
    thread.close()
