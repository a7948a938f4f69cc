"""Writes docs/reference/ from the tables that the server itself runs on, then builds the site into site/.

Run by `make docs`. A reference that is written by hand and a table that the code reads drift apart; these
pages can't.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

import click

from stepwell.api.models import service_metadata, service_model
from stepwell.api.operations import Operation, Service
from stepwell.app import Server
from stepwell.asl import fields
from stepwell.cli import COMMANDS, commands
from stepwell.config import Config
from stepwell.engine.integrations import INTEGRATIONS, REPLY
from stepwell.provision.aws import INVOKES, TYPES
from stepwell.provision.schema import Property
from stepwell.workers.images import SCIKIT_LEARN_VERSIONS

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "docs" / "reference"


async def composed() -> Mapping[str, Service]:
    """All services, as the composition root puts them together."""
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Config(data=Path(folder, "data"), cache=Path(folder, "cache"), port=0, durable=False))
        await server.start()
        try:
            return dict(server.dispatcher.services)
        finally:
            await server.close()


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """A Markdown table."""
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', '/') for cell in row)} |"
    yield ""


def code(names: Iterable[str]) -> str:
    """Names in code's type, in order; a dash for none."""
    return ", ".join(f"`{name}`" for name in sorted(names)) or "-"


def operations(services: Mapping[str, Service]) -> Iterator[str]:
    """Every operation, what becomes of its fields, and which rights it needs."""
    yield "# Operations\n"
    yield (
        "A field that is *honoured* acts as on AWS. One that is *recorded* is kept and given back, and has "
        "no effect on this machine. Any other field is refused by name, and so is any other operation. "
        "`A.B` is the field B within A; a name alone stands for all within it.\n"
    )
    counts = (
        (
            f"[{name}](#{name})",
            str(len(services[name].operations)),
            str(len(service_model(name).operation_names)),
        )
        for name in sorted(services)
    )
    yield from table(("service", "operations here", "operations in the model"), counts)
    for name in sorted(services):
        yield f"## {name}\n"
        yield f"{service_metadata(name)['serviceFullName']}.\n"
        rows = (operation_row(row) for _, row in sorted(services[name].operations.items()))
        yield from table(("operation", "honoured", "recorded", "rights"), rows)


def operation_row(row: Operation) -> tuple[str, str, str, str]:
    rights = dict.fromkeys(right.action for right in row.rights)
    return f"`{row.name}`", code(row.honoured), code(row.recorded), code(rights)


def language() -> Iterator[str]:
    """The grammar's table: state types and their fields."""
    yield "# Amazon States Language\n"
    yield "Which field may stand in which state. A field that is refused says why.\n"
    for type_, known in fields.STATE.items():
        yield f"## {type_}\n"
        yield from field_table(known)
    for title, known in (
        ("The machine", fields.MACHINE),
        ("A branch of Parallel", fields.BRANCH),
        ("Map's ItemProcessor", fields.PROCESSOR),
        ("A retrier", fields.RETRIER),
        ("A catcher", fields.CATCHER),
    ):
        yield f"## {title}\n"
        yield from field_table(known)


def field_table(known: Mapping[str, fields.Field]) -> Iterator[str]:
    rows = (
        (f"`{name}`", "refused: " + field.refused if field.refused else standing(field))
        for name, field in known.items()
    )
    yield from table(("field", "here"), rows)


def standing(field: fields.Field) -> str:
    """What becomes of a field of the grammar that has no refusal of its own."""
    return "honoured" if field.language is None else f"honoured in {field.language} states"


def integrations(services: Mapping[str, Service]) -> Iterator[str]:
    """What a Task's Resource may name."""
    yield "# Integrations\n"
    yield (
        "What a Task state's `Resource` may name: a function's ARN; "
        "`arn:aws:states:::aws-sdk:SERVICE:ACTION` for every [operation](operations.md) of this server, also "
        "with `.waitForTaskToken`; and these:\n"
    )
    rows = []
    for (service, action), row in sorted(INTEGRATIONS.items()):
        found = services.get(row.service)
        here = found is not None and row.operation in found.operations
        patterns = sorted("request and response" if each == REPLY else f"`.{each}`" for each in row.patterns)
        name = f"`arn:aws:states:::{service}:{action}`"
        rows.append((name, ", ".join(patterns), "runs" if here else "refused: no such operation here yet"))
    yield from table(("resource", "patterns", "here"), rows)


def pulumi() -> Iterator[str]:
    """Resource types and their properties."""
    yield "# Pulumi types\n"
    yield (
        "Resource types of Pulumi's AWS package that `stepwell up` makes. A *recorded* property is kept in "
        "the state and shown, without effect here; a *refused* one stops the program before anything is "
        "made, and so does one that is not listed.\n"
    )
    for token, kind in sorted(TYPES.items()):
        yield f"## {token}\n"
        rows = (
            (f"`{name}`", row.standing + (f": {row.reason}" if row.reason else ""), remarks(row))
            for name, row in sorted(kind.properties.items())
        )
        yield from table(("property", "here", ""), rows)
        if kind.computed:
            yield f"Computed: {code(kind.computed)}.\n"
    yield "## Invokes\n"
    yield "Functions of the package that a program may call:\n"
    for token in sorted(INVOKES):
        yield f"- `{token}`"


def remarks(row: Property) -> str:
    """What else a property's row says."""
    said = []
    if row.required:
        said.append("required")
    if row.replaces:
        said.append("a change replaces the resource")
    if row.default is not None:
        said.append(f"default `{row.default}`")
    if row.choices:
        said.append("one of " + ", ".join(f"`{choice}`" for choice in row.choices))
    if row.fields:
        said.append("fields " + code(row.fields))
    return "; ".join(said)


def help_pages() -> Iterator[str]:
    """What `--help` prints, of every command."""
    yield "# Commands\n"
    yield "Exit codes: 0 done, 1 the thing asked for failed or has findings, 2 wrong usage.\n"
    for name in COMMANDS:
        with click.Context(commands, info_name="stepwell") as above:
            command = commands.get_command(above, name)
            assert command is not None
            with click.Context(command, info_name=name, parent=above) as context:
                yield f"## stepwell {name}\n"
                yield f"```text\n{command.get_help(context)}\n```\n"
                group = command if isinstance(command, click.Group) else click.Group()
                for part, below in group.commands.items():
                    with click.Context(below, info_name=part, parent=context) as inner:
                        yield f"### stepwell {name} {part}\n"
                        yield f"```text\n{below.get_help(inner)}\n```\n"


def images() -> Iterator[str]:
    """Images of AWS's that have a row."""
    yield "# Images\n"
    yield (
        "An image names a Python environment, built once and kept in the cache. These tags of AWS's "
        "`sagemaker-scikit-learn` have a row; `images.toml` in the data folder adds a team's own. Where a "
        "version has no wheel for the Python at hand, all but the framework itself is loosened, and the "
        "build says so.\n"
    )
    rows = (
        (f"`{tag}`", image.python, f"`{image.framework}`", code(image.pins))
        for tag, image in SCIKIT_LEARN_VERSIONS.items()
    )
    yield from table(("tag", "Python", "framework", "libraries"), rows)


def main() -> int:
    """Write the pages; build the site where mkdocs is installed."""
    services = asyncio.run(composed())
    pages = {
        "commands": help_pages(),
        "operations": operations(services),
        "language": language(),
        "integrations": integrations(services),
        "pulumi": pulumi(),
        "images": images(),
    }
    REFERENCE.mkdir(exist_ok=True)
    for name, page in pages.items():
        (REFERENCE / f"{name}.md").write_text("\n".join(page) + "\n")
    sys.stderr.write(f"wrote {len(pages)} pages into {REFERENCE.relative_to(ROOT)}/\n")
    if find_spec("mkdocs") is None:
        sys.stderr.write("mkdocs is not installed: `make docs` installs it and builds the site\n")
        return 0
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict"], cwd=ROOT, check=False
    )
    return built.returncode


if __name__ == "__main__":
    sys.exit(main())
