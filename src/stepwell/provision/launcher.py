"""Runs a Pulumi program under the program's own Python, where Stepwell itself need not be installed.

It is started as a file, reads one JSON object from its standard input, points the SDK at the engine's two
servers, runs the program inside a stack and writes how it ended, as one JSON object, to the descriptor it was
told. Nothing but the standard library and the program's own `pulumi` is imported here.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import runpy
import sys
import threading
import traceback
from typing import Any

#: what tasks raised, by its identity, with the traceback that it had
_TRACEBACKS: dict[int, tuple[BaseException, Any]] = {}


def main() -> int:
    """Runs the program; 0 when it ended well, 1 when it raised."""
    # The interpreter put this file's folder first: its modules are not the program's.
    del sys.path[0]
    # The engine takes as long to get ready. Where there is no SDK, the program's own import says so.
    with contextlib.suppress(ImportError):
        importlib.import_module("pulumi")
    told = json.loads(sys.stdin.readline())
    threading.Thread(target=_watch, args=(os.dup(sys.stdin.fileno()),), daemon=True).start()
    os.dup2(os.open(os.devnull, os.O_RDONLY), sys.stdin.fileno())
    sys.path.insert(0, told["path"])
    os.chdir(told["folder"])
    sys.argv = [told["main"]]
    try:
        _run(told)
        ended: dict[str, Any] = {"ok": True}
    except SystemExit as leaving:
        ended = {
            "ok": leaving.code in (None, 0),
            "error": f"the program left with sys.exit({leaving.code!r})",
            "file": "",
            "line": 0,
            "traceback": "",
        }
    except BaseException as error:
        ended = {"ok": False, **_explained(error, told["path"])}
    sys.stdout.flush()
    with os.fdopen(told["answer"], "w", encoding="utf-8") as answer:
        json.dump(ended, answer)
    return 0 if ended["ok"] else 1


def _watch(descriptor: int) -> None:
    """Ends the process when the engine's has ended, however that was: its end of the pipe closes with it."""
    while os.read(descriptor, 1):
        continue
    os._exit(1)


def _run(told: dict[str, Any]) -> None:
    import asyncio

    from pulumi import runtime

    settings = {
        "project": told["project"],
        "stack": told["stack"],
        "monitor": told["address"],
        "engine": told["address"],
        "parallel": told["parallel"],
        "dry_run": told["dry_run"],
        "organization": "organization",
        "root_directory": told["folder"],
    }
    known = runtime.Settings.__init__.__code__.co_varnames
    runtime.configure(runtime.Settings(**{name: value for name, value in settings.items() if name in known}))
    runtime.set_all_config(told["config"], told["secret_keys"])

    def program() -> None:
        runpy.run_path(told["main"], run_name="__main__")

    def task(loop: asyncio.AbstractEventLoop, work: Any, **options: Any) -> asyncio.Task[Any]:
        return asyncio.Task(_remembering(work), loop=loop, **options)

    loop = asyncio.new_event_loop()
    loop.set_task_factory(task)
    asyncio.set_event_loop(loop)
    try:
        loop.run_until_complete(runtime.run_in_stack(program))
    finally:
        loop.close()


async def _remembering(work: Any) -> Any:
    """Do `work`, and keep the traceback of what it raises.

    A task hands it to the first who awaits it only, and the SDK awaits an output more than once.
    """
    try:
        return await work
    except Exception as error:
        _TRACEBACKS.setdefault(id(error), (error, error.__traceback__))
        raise


def _explained(error: BaseException, folder: str) -> dict[str, Any]:
    """The error without the frames before the program's first own one, and where it was raised in it.

    Without a frame of the program there is nothing in a traceback that its author could use.
    """
    first = _TRACEBACKS.get(id(error))
    if first is not None and not any(_within(frame.f_code.co_filename, folder) for frame in _frames(error)):
        error = error.with_traceback(first[1])
    chain = traceback.TracebackException.from_exception(error)
    frames = [frame for frame in chain.stack if _within(frame.filename, folder)]
    _cut(chain, folder)
    only = "".join(chain.format_exception_only()).strip()
    told: dict[str, Any] = {"error": only, "file": "", "line": 0, "traceback": ""}
    if frames:
        told.update(file=frames[-1].filename, line=frames[-1].lineno or 0)
    if isinstance(error, SyntaxError):
        told.update(error=f"{type(error).__name__}: {error.msg}", file=error.filename, line=error.lineno)
        told["traceback"] = "".join(chain.format_exception_only())
    elif type(error).__name__ == "RunError" or _is_told(error):
        told["error"] = str(error)
    elif frames:
        told["traceback"] = "".join(chain.format())
    return told


def _is_told(error: BaseException) -> bool:
    """Whether the message is all that there is to say: a component of `stepwell.retrain` was misused."""
    return any(kind.__name__ == "StepwellError" for kind in type(error).__mro__)


def _frames(error: BaseException) -> list[Any]:
    return [frame for frame, _ in traceback.walk_tb(error.__traceback__)]


def _cut(chain: traceback.TracebackException | None, folder: str) -> None:
    seen: set[int] = set()
    while chain is not None and id(chain) not in seen:
        seen.add(id(chain))
        own = next((i for i, frame in enumerate(chain.stack) if _within(frame.filename, folder)), None)
        if own is not None:
            del chain.stack[:own]
        chain = chain.__cause__ or chain.__context__


def _within(file: str, folder: str) -> bool:
    # Frozen modules have names like `<frozen runpy>`, which would be taken for files of this folder.
    path = os.path.realpath(file)
    return (
        os.path.isabs(file)
        and path.startswith(os.path.realpath(folder) + os.sep)
        and "site-packages" not in path
    )


if __name__ == "__main__":
    sys.exit(main())
