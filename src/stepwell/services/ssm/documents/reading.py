"""DescribeDocument, GetDocument, ListDocuments, ListDocumentVersions, DescribeDocumentPermission."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from stepwell.calls import Call
from stepwell.durable import View
from stepwell.errors import UnsupportedParameter
from stepwell.services.ssm import tags
from stepwell.services.ssm.documents.builtin import documents
from stepwell.services.ssm.documents.content import parsed
from stepwell.services.ssm.documents.finding import find, find_version
from stepwell.services.ssm.documents.records import Document, Version
from stepwell.services.ssm.errors import InvalidFilterKey
from stepwell.services.ssm.paging import listed

#: what a script of `sh` runs on
PLATFORMS = ["Linux", "MacOS"]
FILTERS = frozenset({"Name", "Owner", "PlatformTypes", "DocumentType", "SearchKeyword", "TargetType"})


def _identifier(view: View, document: Document, version: Version) -> dict[str, Any]:
    """What lists and descriptions share."""
    shown: dict[str, Any] = {
        "Name": document.name,
        "CreatedDate": version.created,
        "Owner": document.owner,
        "PlatformTypes": PLATFORMS,
        "DocumentVersion": str(version.number),
        "DocumentType": "Command",
        "SchemaVersion": version.read().schema,
        "DocumentFormat": version.format,
        "Tags": tags.listed(tags.of(view, "Document", document.name)),
    }
    optional = {
        "DisplayName": document.display_name,
        "TargetType": document.target_type,
        "VersionName": version.version_name,
    }
    return {**shown, **{name: value for name, value in optional.items() if value is not None}}


def description(view: View, document: Document, version: Version) -> dict[str, Any]:
    """AWS's DocumentDescription of one version."""
    content = version.read()
    parameters = []
    for each in content.parameters.values():
        shown = {"Name": each.name, "Type": "StringList" if each.type == "StringList" else "String"}
        if each.description:
            shown["Description"] = each.description
        if each.default is not None:
            plain = isinstance(each.default, str)
            shown["DefaultValue"] = each.default if plain else json.dumps(each.default)
        parameters.append(shown)
    return {
        **_identifier(view, document, version),
        "Hash": version.sha256,
        "HashType": "Sha256",
        "Status": "Active",
        "Description": content.description,
        "Parameters": parameters,
        "LatestVersion": str(document.latest),
        "DefaultVersion": str(document.default),
    }


def describe(call: Call, view: View) -> dict[str, Any]:
    """DescribeDocument."""
    document = find(view, call.params["Name"])
    version = find_version(view, document, call.params.get("DocumentVersion"), call.params.get("VersionName"))
    return {"Document": description(view, document, version)}


def get(call: Call, view: View) -> dict[str, Any]:
    """GetDocument: the text as it was given, or as JSON or YAML where that is asked for."""
    document = find(view, call.params["Name"])
    version = find_version(view, document, call.params.get("DocumentVersion"), call.params.get("VersionName"))
    format = call.params.get("DocumentFormat", version.format)
    text = version.content
    if format != version.format:
        text = _converted(parsed(text, version.format), format)
    shown = {
        "Name": document.name,
        "CreatedDate": version.created,
        "DocumentVersion": str(version.number),
        "Status": "Active",
        "Content": text,
        "DocumentType": "Command",
        "DocumentFormat": format,
    }
    if version.version_name is not None:
        shown["VersionName"] = version.version_name
    return shown


def _converted(value: Any, format: str) -> str:
    if format == "JSON":
        return json.dumps(value, indent=2)
    if format == "YAML":
        import yaml

        return str(yaml.safe_dump(value, sort_keys=False))
    raise UnsupportedParameter("Stepwell does not support documents of the format TEXT: use JSON or YAML")


def list_documents(call: Call, view: View) -> dict[str, Any]:
    """ListDocuments: the account's and AWS's, by their names."""
    wanted = [
        *((each["key"], [each["value"]]) for each in call.params.get("DocumentFilterList", ())),
        *((each.get("Key", ""), each.get("Values", [])) for each in call.params.get("Filters", ())),
    ]
    found = [
        shown
        for shown in _all(view)
        if all(_fits(shown, key, values, view.account) for key, values in wanted)
    ]
    page, token = listed(call.params, found, lambda shown: str(shown["Name"]))
    return {"DocumentIdentifiers": page, **token}


def _all(view: View) -> Iterator[dict[str, Any]]:
    for document, version in documents().values():
        yield _identifier(view, document, version)
    for document in view.scan(Document):
        yield _identifier(view, document, find_version(view, document))


def _fits(shown: dict[str, Any], key: str, values: list[str], account: str) -> bool:
    """Whether a filter lets a document through. Raises InvalidFilterKey."""
    if key.startswith("tag:"):
        found = {tag["Key"]: tag["Value"] for tag in shown["Tags"]}
        name = key.removeprefix("tag:")
        return name in found and (not values or found[name] in values)
    if key not in FILTERS:
        raise InvalidFilterKey(f"The specified key isn't valid: {key}.")
    if key == "Owner":
        owners = {"Self": account, "Private": account, "Amazon": "Amazon"}
        return any(value == "All" or shown["Owner"] == owners.get(value, value) for value in values)
    if key == "Name":
        return any(shown["Name"].startswith(value) for value in values)
    if key == "PlatformTypes":
        return any(value in shown["PlatformTypes"] for value in values)
    if key == "SearchKeyword":
        return any(value.lower() in shown["Name"].lower() for value in values)
    return shown.get(key) in values


def list_versions(call: Call, view: View) -> dict[str, Any]:
    """ListDocumentVersions, newest first."""
    document = find(view, call.params["Name"])
    found = []
    for number in reversed(document.numbers):
        version = find_version(view, document, str(number))
        shown = {
            "Name": document.name,
            "DocumentVersion": str(number),
            "CreatedDate": version.created,
            "IsDefaultVersion": number == document.default,
            "DocumentFormat": version.format,
            "Status": "Active",
        }
        if version.version_name is not None:
            shown["VersionName"] = version.version_name
        found.append(shown)
    page, token = listed(call.params, found, lambda shown: str(shown["DocumentVersion"]))
    return {"DocumentVersions": page, **token}


def describe_permission(call: Call, view: View) -> dict[str, Any]:
    """DescribeDocumentPermission."""
    document = find(view, call.params["Name"])
    page, token = listed(call.params, document.shared, lambda account: account)
    shared = [{"AccountId": account, "SharedDocumentVersion": "$DEFAULT"} for account in page]
    return {"AccountIds": page, "AccountSharingInfoList": shared, **token}
