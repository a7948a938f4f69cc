"""CreateDocument, UpdateDocument, UpdateDocumentDefaultVersion, DeleteDocument, ModifyDocumentPermission."""

from __future__ import annotations

import asyncio
from typing import Any

from msgspec.structs import replace

from stepwell.api.context import Context
from stepwell.calls import Call
from stepwell.durable import Draft
from stepwell.errors import UnsupportedParameter, ValidationException
from stepwell.services.ssm import tags
from stepwell.services.ssm.documents.builtin import documents
from stepwell.services.ssm.documents.content import Content, read
from stepwell.services.ssm.documents.finding import find, find_version
from stepwell.services.ssm.documents.reading import description
from stepwell.services.ssm.documents.records import Document, Version, hashed, version_key
from stepwell.services.ssm.errors import (
    DocumentAlreadyExists,
    DocumentVersionLimitExceeded,
    DuplicateDocumentContent,
    DuplicateDocumentVersionName,
    InvalidDocumentOperation,
    InvalidDocumentSchemaVersion,
    InvalidDocumentVersion,
)

#: versions of one document
VERSIONS = 1000
#: how names of documents may not begin: AWS keeps those for its own
RESERVED = ("aws", "amazon", "amzn")


async def prepare(call: Call, context: Context) -> Content:
    """Read the content off the loop. Raises InvalidDocumentContent and its like."""
    format = call.params.get("DocumentFormat", "JSON")
    if format == "TEXT":
        raise UnsupportedParameter("Stepwell does not support documents of the format TEXT: use JSON or YAML")
    content = await asyncio.to_thread(read, call.params["Content"], format)
    if content.schema != "2.2":
        raise InvalidDocumentSchemaVersion(
            f"The document schema version {content.schema!r} isn't supported for new documents: use 2.2."
        )
    return content


def create(call: Call, draft: Draft, content: Content) -> dict[str, Any]:
    """CreateDocument."""
    params = call.params
    name, kind = params["Name"], params.get("DocumentType", "Command")
    if name.lower().startswith(RESERVED):
        raise ValidationException(f"The document name {name} begins with a prefix that AWS keeps for itself.")
    if kind != "Command":
        raise UnsupportedParameter(f"Stepwell does not support documents of the type {kind}, only Command")
    if draft.get(Document, name) is not None:
        raise DocumentAlreadyExists(f"Document with same name {name} already exists")
    version = _version(call, draft, number=1)
    document = Document(
        name=name,
        owner=draft.account,
        created=draft.now,
        latest=1,
        default=1,
        numbers=[1],
        target_type=params.get("TargetType"),
        display_name=params.get("DisplayName"),
    )
    draft.put(document)
    draft.put(version)
    tags.put(draft, "Document", name, params.get("Tags"))
    return {"DocumentDescription": description(draft, document, version)}


def update(call: Call, draft: Draft, content: Content) -> dict[str, Any]:
    """UpdateDocument: a further version; the default stays what it was."""
    params = call.params
    document = _own(draft, params["Name"])
    if params.get("DocumentVersion", "$LATEST") not in ("$LATEST", str(document.latest)):
        raise InvalidDocumentVersion(
            f"Only the latest version of {document.name} can be updated: name $LATEST or {document.latest}."
        )
    latest = find_version(draft, document, "$LATEST")
    version = _version(call, draft, number=document.last + 1)
    if latest.sha256 == version.sha256 and latest.format == version.format:
        raise DuplicateDocumentContent(
            "The content of the association document matches another document. Change the content of the "
            "document and try again."
        )
    if len(document.numbers) >= VERSIONS:
        raise DocumentVersionLimitExceeded(f"{document.name} has {VERSIONS} versions: delete some first.")
    for other in draft.scan(Version, prefix=f"{document.name}/"):
        if version.version_name is not None and other.version_name == version.version_name:
            raise DuplicateDocumentVersionName(
                f"Another version of {document.name} has the name {version.version_name}."
            )
    changed = replace(
        document,
        latest=version.number,
        last=version.number,
        numbers=[*document.numbers, version.number],
        target_type=params.get("TargetType", document.target_type),
        display_name=params.get("DisplayName", document.display_name),
    )
    draft.put(changed)
    draft.put(version)
    return {"DocumentDescription": description(draft, changed, version)}


def _version(call: Call, draft: Draft, *, number: int) -> Version:
    text = call.params["Content"]
    return Version(
        name=call.params["Name"],
        number=number,
        content=text,
        format=call.params.get("DocumentFormat", "JSON"),
        created=draft.now,
        version_name=call.params.get("VersionName"),
        **hashed(text),
    )


def _own(draft: Draft, name: str) -> Document:
    """A document that may be changed. Raises InvalidDocument, InvalidDocumentOperation."""
    if name in documents():
        raise InvalidDocumentOperation(f"{name} is AWS's own document.")
    return find(draft, name)


def set_default(call: Call, draft: Draft) -> dict[str, Any]:
    """UpdateDocumentDefaultVersion."""
    document = _own(draft, call.params["Name"])
    version = find_version(draft, document, call.params["DocumentVersion"])
    draft.put(replace(document, default=version.number))
    shown: dict[str, Any] = {"Name": document.name, "DefaultVersion": str(version.number)}
    if version.version_name is not None:
        shown["DefaultVersionName"] = version.version_name
    return {"Description": shown}


def delete(call: Call, draft: Draft) -> None:
    """DeleteDocument: all of it, or one version that is not the default. Commands under way go on."""
    params = call.params
    document = _own(draft, params["Name"])
    wanted = params.get("DocumentVersion"), params.get("VersionName")
    if wanted != (None, None):
        version = find_version(draft, document, *wanted)
        if version.number == document.default:
            raise InvalidDocumentOperation(
                f"Version {version.number} of {document.name} is the default: choose another default first."
            )
        left = [number for number in document.numbers if number != version.number]
        draft.delete(Version, version.key)
        draft.put(replace(document, numbers=left, latest=left[-1]))
        return
    for number in document.numbers:
        draft.delete(Version, version_key(document.name, number))
    draft.delete(Document, document.name)
    tags.drop(draft, "Document", document.name)


def share(call: Call, draft: Draft) -> None:
    """ModifyDocumentPermission: remembered; this server plays one account."""
    document = _own(draft, call.params["Name"])
    if call.params.get("SharedDocumentVersion", "$DEFAULT") != "$DEFAULT":
        raise UnsupportedParameter("Stepwell shares a document's default version only")
    gone = set(call.params.get("AccountIdsToRemove", ()))
    every = [*document.shared, *call.params.get("AccountIdsToAdd", ())]
    draft.put(replace(document, shared=[id for id in dict.fromkeys(every) if id not in gone]))
