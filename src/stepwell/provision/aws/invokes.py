"""What a program asks without making anything: the caller, the region, a policy document.

Each is a function of (cloud, arguments) that answers the properties which the SDK expects.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from stepwell.provision.aws.lookups import LOOKUPS
from stepwell.provision.cloud import Cloud, calling
from stepwell.provision.problems import ResourceRefused
from stepwell.provision.schema import Inputs


def _caller(cloud: Cloud, arguments: Inputs) -> dict[str, Any]:
    with calling(cloud):
        answer = cloud.client("sts").get_caller_identity()
    return {
        "accountId": answer["Account"],
        "arn": answer["Arn"],
        "userId": answer["UserId"],
        "id": answer["Account"],
    }


def _region(cloud: Cloud, arguments: Inputs) -> dict[str, Any]:
    for name in ("name", "region"):
        if arguments.get(name) not in (None, cloud.region):
            raise ResourceRefused(
                f"region {arguments[name]}", advice=f"The server serves {cloud.region} and no other region"
            )
    return {
        "name": cloud.region,
        "region": cloud.region,
        "id": cloud.region,
        "description": cloud.region,
        "endpoint": f"ec2.{cloud.region}.amazonaws.com",
    }


def _partition(cloud: Cloud, arguments: Inputs) -> dict[str, Any]:
    return {
        "partition": "aws",
        "id": "aws",
        "dnsSuffix": "amazonaws.com",
        "reverseDnsPrefix": "com.amazonaws",
    }


def _document(cloud: Cloud, arguments: Inputs) -> dict[str, Any]:
    version = arguments.get("version", "2012-10-17")
    statements: dict[str, dict[str, Any]] = {}
    for text in arguments.get("sourcePolicyDocuments") or ():
        _merge(statements, json.loads(text).get("Statement", []))
    _merge(statements, [_statement(entry, version) for entry in arguments.get("statements") or ()])
    for text in arguments.get("overridePolicyDocuments") or ():
        _merge(statements, json.loads(text).get("Statement", []))
    body: dict[str, Any] = {"Version": version}
    if arguments.get("policyId"):
        body["Id"] = arguments["policyId"]
    body["Statement"] = list(statements.values())
    return {
        **arguments,
        "version": version,
        "id": hashlib.sha256(json.dumps(body).encode()).hexdigest()[:10],
        "json": json.dumps(body, indent=2),
        "minifiedJson": json.dumps(body, separators=(",", ":")),
    }


def _merge(statements: dict[str, dict[str, Any]], more: Any) -> None:
    for statement in more if isinstance(more, list) else [more]:
        statements[statement.get("Sid") or f"#{len(statements)}"] = statement


def _statement(entry: Inputs, version: str) -> dict[str, Any]:
    statement: dict[str, Any] = {}
    if entry.get("sid"):
        statement["Sid"] = entry["sid"]
    statement["Effect"] = entry.get("effect", "Allow")
    for ours, theirs in (
        ("actions", "Action"),
        ("notActions", "NotAction"),
        ("resources", "Resource"),
        ("notResources", "NotResource"),
    ):
        if entry.get(ours):
            statement[theirs] = _one_or_all([_variables(text, version) for text in entry[ours]])
    for ours, theirs in (("principals", "Principal"), ("notPrincipals", "NotPrincipal")):
        if entry.get(ours):
            statement[theirs] = _principals(entry[ours])
    if entry.get("conditions"):
        statement["Condition"] = _conditions(entry["conditions"], version)
    return statement


def _principals(entries: Any) -> Any:
    if any(entry["type"] == "*" for entry in entries):
        return "*"
    merged: dict[str, list[str]] = {}
    for entry in entries:
        merged.setdefault(entry["type"], []).extend(entry["identifiers"])
    return {kind: _one_or_all(names) for kind, names in merged.items()}


def _conditions(entries: Any, version: str) -> dict[str, Any]:
    merged: dict[str, dict[str, Any]] = {}
    for entry in entries:
        values = [_variables(text, version) for text in entry["values"]]
        merged.setdefault(entry["test"], {})[entry["variable"]] = _one_or_all(values)
    return merged


def _one_or_all(values: list[str]) -> Any:
    return values[0] if len(values) == 1 else sorted(set(values))


def _variables(text: str, version: str) -> str:
    """`&{aws:username}` is how a policy variable is written where `${...}` means something else."""
    return text.replace("&{", "${") if version == "2012-10-17" else text


INVOKES: Mapping[str, Callable[[Cloud, Inputs], dict[str, Any]]] = {
    "aws:index/getCallerIdentity:getCallerIdentity": _caller,
    "aws:index/getRegion:getRegion": _region,
    "aws:index/getPartition:getPartition": _partition,
    "aws:iam/getPolicyDocument:getPolicyDocument": _document,
    **LOOKUPS,
}
