"""Parameters' names: what they may be, and how a request picks one version by `NAME:VERSION` or `NAME:LABEL`.

Source: the Systems Manager user guide, "Requirements and constraints for parameter names".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from stepwell.api.operations import Site
from stepwell.errors import AccessDenied, ValidationException
from stepwell.services.ssm.errors import HierarchyLevelLimitExceededException

#: levels of a hierarchy
LEVELS = 15
#: characters of a name, its ARN's beginning included
LONGEST = 1011

_NAME = re.compile(r"/?[a-zA-Z0-9_.-]+(/[a-zA-Z0-9_.-]+)*")
_RESERVED = re.compile(r"/?(aws|ssm)", re.IGNORECASE)
_PATH = re.compile(r"/|(/[a-zA-Z0-9_.-]+)+/?")

_RULE = (
    "If formed as a path, it can consist of sub-paths divided by slash symbol; each sub-path can be formed "
    "as a mix of letters, numbers and the following 3 symbols .-_"
)
_PATH_RULE = (
    "The parameter doesn't meet the parameter name requirements. The parameter name must begin with "
    "a forward "
    'slash "/". It can\'t be prefixed with "aws" or "ssm" (case-insensitive). It must use only letters, '
    "numbers, or the following symbols: . (period), - (hyphen), _ (underscore). Special characters are not "
    'allowed. All sub-paths, if specified, must use the forward slash symbol "/". '
    "Valid example: /get/parameters2-/by1./path0_."
)


def check(name: str) -> None:
    """Raise unless a parameter may be made under `name`.

    Raises ValidationException, AccessDenied for AWS's own branch, HierarchyLevelLimitExceededException.
    """
    if name.lower().startswith("/aws"):
        raise AccessDenied(f"No access to reserved parameter name: {name}.")
    if _RESERVED.match(name):
        prefix = '"ssm"' if name.startswith("/") else '"aws" or "ssm"'
        raise ValidationException(f"Parameter name: can't be prefixed with {prefix} (case-insensitive).")
    if not _NAME.fullmatch(name):
        raise ValidationException(
            f'Parameter name: can\'t be prefixed with "ssm" (case-insensitive). {_RULE}'
        )
    if "/" in name and not name.startswith("/"):
        raise ValidationException(
            "Parameter name must be a fully qualified name: a name in a hierarchy begins with a slash."
        )
    if name.count("/") > LEVELS:
        raise HierarchyLevelLimitExceededException(
            f"A hierarchy can have a maximum of {LEVELS} levels. For more information, see Requirements and "
            "constraints for parameter names in the AWS Systems Manager User Guide."
        )
    if len(name) > LONGEST:
        raise ValidationException(f"Parameter name: can't be longer than {LONGEST} characters.")


def check_path(path: str) -> None:
    """Raise ValidationException unless `path` is a hierarchy's beginning."""
    if not _PATH.fullmatch(path):
        raise ValidationException(_PATH_RULE)


def picked(text: str) -> tuple[str, str]:
    """A request's name as (name, selector): `/a:3` is `/a` and `:3`. An ARN gives its parameter's name."""
    if text.startswith("arn:"):
        text = text.split(":", 5)[5].removeprefix("parameter")
    name, colon, selector = text.partition(":")
    return name, colon + selector


def resource(name: str, site: Site) -> str:
    """The parameter's ARN."""
    return f"arn:aws:ssm:{site.region}:{site.account}:parameter/{name.removeprefix('/')}"


def of_name(params: Mapping[str, Any], site: Site) -> str:
    """The ARN that a call with `Name` is about."""
    return resource(picked(params["Name"])[0], site)


def of_names(params: Mapping[str, Any], site: Site) -> tuple[str, ...]:
    """The ARNs that a call with `Names` is about."""
    return tuple(resource(picked(name)[0], site) for name in params["Names"])


def of_path(params: Mapping[str, Any], site: Site) -> str:
    """The ARN that a call with `Path` is about."""
    return resource(params["Path"].rstrip("/") or "/*", site)
