"""The resource type of a token, or why there is none: what else a program can name, told by its kind."""

from __future__ import annotations

import difflib

from stepwell.provision.aws import TYPES
from stepwell.provision.problems import ResourceRefused
from stepwell.provision.schema import ResourceType


def of(token: str) -> ResourceType:
    """The type.

    Raises:
        ResourceRefused: it can't be had here; the advice names those that can.
    """
    kind = TYPES.get(token)
    if kind is not None:
        return kind
    package, _, rest = token.partition(":")
    if package.startswith("pulumi-") and rest.startswith("dynamic"):
        raise ResourceRefused(
            "dynamic providers are not supported",
            advice="Do in the program what its provider does, or use the Pulumi CLI",
        )
    if package != "aws":
        raise ResourceRefused(
            f"package {package} is not supported (type {token})",
            advice="Leave its resources out: only those of aws can be had here",
        )
    near = difflib.get_close_matches(token, TYPES, n=1, cutoff=0.8)
    if near:
        raise ResourceRefused(f"type {token} is not supported", advice=f"Is {near[0]} meant?")
    module = token.partition("/")[0]
    beside = sorted(other for other in TYPES if other.partition("/")[0] == module)
    modules = sorted({other.partition("/")[0].removeprefix("aws:") for other in TYPES})
    raise ResourceRefused(
        f"type {token} is not supported",
        advice=f"These are: {', '.join(beside)}" if beside else f"There are types of {', '.join(modules)}",
    )
