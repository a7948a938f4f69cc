"""Names and ARNs of state machines, their versions and aliases, executions and activities."""

from __future__ import annotations

import re

from stepwell import arn
from stepwell.services.stepfunctions.errors import InvalidArn, InvalidName

#: characters that AWS refuses in the names of machines, executions and activities
_REFUSED = re.compile(r"""[\s<>{}\[\]?*"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f\ufffe\uffff\ud800-\udfff]""")


def check_name(name: str) -> None:
    """Raise InvalidName for a name that AWS would not take."""
    if not 1 <= len(name) <= 80 or _REFUSED.search(name):
        raise InvalidName(name)


def machine_arn(region: str, account: str, name: str) -> str:
    return arn.build("states", region, account, f"stateMachine:{name}")


def machine_name(text: str) -> str | None:
    """The name of the machine that an ARN names; None for one of its versions or aliases.

    Raises InvalidArn.
    """
    rest = _resource(text, "stateMachine")
    return rest if ":" not in rest else None


def qualified(text: str) -> tuple[str, str]:
    """A machine's name, and the number of its version or the alias that the ARN names; else empty.

    Raises InvalidArn.
    """
    name, _, qualifier = _resource(text, "stateMachine").partition(":")
    return name, qualifier


def unqualified(text: str) -> str:
    """The ARN of the machine that an ARN of it, of a version or of an alias names; anything else as it is."""
    parts = text.split(":")
    return ":".join(parts[:7]) if parts[5:6] == ["stateMachine"] else text


def activity_arn(region: str, account: str, name: str) -> str:
    return arn.build("states", region, account, f"activity:{name}")


def activity_name(text: str) -> str:
    """The name of the activity that an ARN names. Raises InvalidArn."""
    return _resource(text, "activity")


def execution_key(text: str) -> str:
    """The key of the execution record that an ARN names. Raises InvalidArn."""
    rest = _resource(text, "execution")
    if rest.count(":") != 1:
        raise InvalidArn(f"Invalid ARN: {text}")
    return rest


def _resource(text: str, wanted: str) -> str:
    parsed = arn.parse(text)
    if parsed is None:
        if text.startswith("arn:"):
            raise InvalidArn(f"Invalid ARN: {text}")
        raise InvalidArn(f"Invalid ARN prefix: {text}")
    kind, _, rest = parsed.resource.partition(":")
    if parsed.service != "states" or not rest:
        raise InvalidArn(f"Invalid ARN: {text}")
    if kind != wanted:
        raise InvalidArn(f"Resource type not valid in this context: {kind}")
    return rest
