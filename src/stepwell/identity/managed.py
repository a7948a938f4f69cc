"""AWS's own managed policies: those that people attach by name, as AWS published them.

Each is a JSON file in `managed_policies/`, word for word, with the version and the public page or
archive it was read from; AWS may have published a newer version since. A policy that is not here is
unknown: an approximation would allow or deny what AWS doesn't. The files are part of the package, so
reading them is like importing code.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from stepwell.identity import policy


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagedPolicy:
    """One version of a policy that AWS manages."""

    #: `arn:aws:iam::aws:policy/service-role/AWSLambdaRole`
    arn: str
    name: str
    #: `/` or `/service-role/`
    path: str
    #: `v1`, `v2`, ...: the default version when it was read
    version_id: str
    #: when AWS published this version, ISO 8601
    create_date: str
    #: where the document was read
    source: str
    document: Mapping[str, Any]
    policy: policy.Policy


@cache
def _all() -> Mapping[str, ManagedPolicy]:
    found = {}
    for file in resources.files(__package__).joinpath("managed_policies").iterdir():
        if not file.name.endswith(".json"):
            continue
        data = json.loads(file.read_text(encoding="utf-8"))
        found[data["Arn"]] = ManagedPolicy(
            arn=data["Arn"],
            name=file.name.removesuffix(".json"),
            path=data["Path"],
            version_id=data["VersionId"],
            create_date=data["CreateDate"],
            source=data["Source"],
            document=data["Document"],
            policy=policy.parse(data["Document"], kind="managed", name=data["Arn"]),
        )
    return found


def find(arn: str) -> ManagedPolicy | None:
    """The AWS managed policy with this ARN, or None when it is not one that Stepwell knows."""
    return _all().get(arn)


def arns() -> tuple[str, ...]:
    """The ARNs of all known AWS managed policies, sorted."""
    return tuple(sorted(_all()))
