"""The commands: thin, each a few calls on the API. Data goes to standard output, all else to standard error.

Exit codes: 0 done, 1 the thing asked for failed or has findings, 2 wrong usage.
"""

from __future__ import annotations

import difflib
import importlib
import os
import sys

import click

from stepwell import __version__
from stepwell.cli import terminal
from stepwell.errors import StepwellError, UsageError

#: every command and the module that holds it; a module is imported only when its command runs
COMMANDS = {
    "serve": "server",
    "stop": "server",
    "status": "server",
    "env": "server",
    "doctor": "doctor",
    "up": "stacks",
    "preview": "stacks",
    "destroy": "stacks",
    "refresh": "stacks",
    "config": "config",
    "stack": "stack",
    "start": "runs",
    "executions": "runs",
    "history": "runs",
    "logs": "logs",
    "validate": "validate",
    "policy": "policy",
    "check": "check",
    "images": "images",
    "instance": "instance",
    "gate": "gate",
    "lineage": "lineage",
    "rollback": "rollback",
    "approve": "decisions",
    "reject": "decisions",
    "release": "decisions",
    "batches": "batches",
    "retire": "retire",
}

#: what `stepwell --help` says of each, so that it needs to import none
SUMMARIES = {
    "serve": "Run a server in the foreground.",
    "stop": "Drain and stop the server of a data folder.",
    "status": "What the server is busy with.",
    "env": "Lines that point a shell's AWS tools at the server.",
    "doctor": "What this machine offers and lacks.",
    "up": "Make the server match a Pulumi program.",
    "preview": "Show what `up` would do.",
    "destroy": "Delete what a program's stack declared.",
    "refresh": "Read back what a stack's resources are now.",
    "config": "A stack's configuration: get, set, rm, ls.",
    "stack": "The stacks that a data folder remembers: ls, outputs, export, rm.",
    "start": "Start an execution of a state machine.",
    "executions": "List executions, newest first.",
    "history": "Show an execution's history.",
    "logs": "Show logs of functions, jobs and endpoints; -f follows.",
    "validate": "Check a state machine's definition.",
    "policy": "The least rights that a state machine's role takes.",
    "check": "Find what is wrong with a Pulumi program, without deploying it.",
    "images": "Images that jobs can name; --build installs one's libraries.",
    "instance": "This machine as Run Command's target: its id, aliases, tags, role.",
    "gate": "What a gate decided, from what, and what another rule would have.",
    "lineage": "What a model or endpoint came from, and what came of a batch.",
    "rollback": "Have an endpoint serve what it served before.",
    "approve": "Let a workflow that waits for a person go on.",
    "reject": "Have a workflow that waits for a person end without a new model.",
    "release": "Let a quarantined batch go on.",
    "batches": "A retraining workflow's batches: list, show, withdraw, accept.",
    "retire": "Delete what a retraining workflow's runs made, before a destroy.",
}

#: how a server says that it doesn't know who signed
NOT_KNOWN = frozenset(
    {"InvalidClientTokenId", "InvalidAccessKeyId", "UnrecognizedClientException", "InvalidSignatureException",
     "SignatureDoesNotMatch", "ExpiredTokenException", "ExpiredToken"}
)  # fmt: skip
FOREIGN_KEYS = (
    "this shell's AWS keys are none of the server's, or have expired: take the owner's by "
    'eval "$(stepwell env)", or unset them'
)


class Commands(click.Group):
    """The command group; it imports a command's module only when the command is used."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module = importlib.import_module(f"stepwell.cli.{COMMANDS[name]}")
        command = getattr(module, name)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command of the arguments. Raises click.UsageError, which names the nearest command there is."""
        if args[0] not in COMMANDS and not args[0].startswith("-"):
            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            advice = f"Did you mean `{near[0]}`?" if near else f"There are: {', '.join(COMMANDS)}."
            raise click.UsageError(f"there is no command `{args[0]}`. {advice}", context)
        return super().resolve_command(context, args)

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(SUMMARIES.items()))


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="stepwell")
def commands() -> None:
    """Automated retraining of models on AWS's own interfaces, on your own machine."""


def main() -> None:
    """The `stepwell` program."""
    with terminal.guarded():
        _main()


def _main() -> None:
    try:
        # click answers the exit code of a command that ended by Exit, and None for one that returned
        sys.exit(commands.main(standalone_mode=False))
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped", err=True)
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except UsageError as error:
        click.echo(f"stepwell: {error}", err=True)
        sys.exit(2)
    except StepwellError as error:
        click.echo(f"stepwell: {error}", err=True)
        sys.exit(1)
    except Exception as error:
        if type(error).__module__.split(".")[0] not in ("botocore", "boto3"):
            raise
        from stepwell.identity import denials

        click.echo(f"stepwell: {error}", err=True)
        code = getattr(error, "response", {}).get("Error", {}).get("Code")
        advice = FOREIGN_KEYS if code in NOT_KNOWN else denials.advice(str(error))
        if advice is not None:
            click.echo(advice, err=True)
        sys.exit(1)
