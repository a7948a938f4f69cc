"""What a server is told at its start. One frozen value; only its defaults know the environment."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path


def default_cache() -> Path:
    """The user's cache folder by the XDG base directory specification."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "stepwell"


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """A server's settings."""

    #: the data folder: all that the server remembers
    data: Path
    #: the address to listen on
    host: str = "127.0.0.1"
    #: the port; 0 takes a free one, None the one that the folder's last server had, at first 4566
    port: int | None = None
    #: the twelve-digit account that the server plays
    account: str = "000000000000"
    #: the region that the server plays
    region: str = "us-east-1"
    #: `enforce`, or `report`: what IAM would deny is only logged
    iam: str = "enforce"
    #: the machine's user that Run Command's scripts run as; None for the server's own
    command_user: str | None = None
    #: folders of the machine that Run Command's scripts may change beside their own
    command_paths: tuple[Path, ...] = ()
    #: where Python environments of jobs are cached, shared by all servers of a user
    cache: Path = field(default_factory=default_cache)
    #: fsync every commit (off only in tests that keep their data in memory)
    durable: bool = True
