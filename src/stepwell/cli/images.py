"""`images`: which container images this server can stand in for, and building their environments."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from stepwell.cli.connection import data_option, json_option
from stepwell.cli.output import print_json


@click.command(short_help="Images that jobs can name; --build installs one's libraries.")
@data_option
@click.option("--build", metavar="IMAGE", help="Build the image's Python environment now.")
@json_option
def images(data: Path, build: str | None, as_json: bool) -> None:
    """List the images that jobs and models can name, or build the environment of one.

    A job builds what it needs by itself; building ahead shows what is fetched, with sizes.
    """
    from stepwell.config import Config
    from stepwell.workers.environments import Environments

    environments = Environments(cache=Config(data=data).cache, data=data)
    if build is not None:
        ready = environments.ready(build)
        found = ready or asyncio.run(
            environments.build(build, lambda line: click.echo(f"  {line}", err=True))
        )
        if as_json:
            print_json({"image": build, "python": str(found.python), "warning": found.warning})
        else:
            click.echo(f"{found.python}{'' if ready is None else ' (built before)'}")
            if found.warning:
                click.echo(f"The environment differs from the image: {found.warning}", err=True)
        return
    rows = [(name, environments.ready(name) is not None) for name in environments.known()]
    if as_json:
        print_json([{"image": name, "built": built} for name, built in rows])
    else:
        # no table: a table cuts names at a terminal's width, and these are for copying
        click.echo("built  image")
        for name, built in rows:
            click.echo(f"{'yes' if built else 'no':<5}  {name}")
