"""Waits for a process to end without polling, whoever its parent is."""

from __future__ import annotations

import asyncio
import os

from stepwell.workers.processes import Identity

#: between two looks where the system has no pidfd, in seconds
INTERVAL = 0.1


async def ended(identity: Identity) -> None:
    """Return when that very process no longer runs. A child of ours still has to be reaped then."""
    try:
        handle = os.pidfd_open(identity.pid)
    except ProcessLookupError:
        return
    except (AttributeError, OSError):
        await _poll(identity)
        return
    try:
        # The pid may have passed to another process before it was opened.
        if identity.alive():
            await _readable(handle)
    finally:
        os.close(handle)


async def _readable(handle: int) -> None:
    loop = asyncio.get_running_loop()
    over = asyncio.Event()
    loop.add_reader(handle, over.set)
    try:
        await over.wait()
    finally:
        loop.remove_reader(handle)


async def _poll(identity: Identity) -> None:
    while identity.alive():
        await asyncio.sleep(INTERVAL)
