"""Documents by their names, versions by theirs: the account's own, and those that AWS provides."""

from __future__ import annotations

from stepwell.arn import parse
from stepwell.durable import View
from stepwell.services.ssm.documents.builtin import documents
from stepwell.services.ssm.documents.records import Document, Version, version_key
from stepwell.services.ssm.errors import InvalidDocument, InvalidDocumentVersion


def find(view: View, name: str) -> Document:
    """The document of that name or ARN, the account's or AWS's own. Raises InvalidDocument."""
    arn = parse(name)
    plain = arn.resource.removeprefix("document/") if arn is not None else name
    if arn is not None and (arn.service != "ssm" or arn.account not in ("", view.account)):
        raise InvalidDocument(f"Document with name {name} does not exist.")
    if plain in documents():
        return documents()[plain][0]
    found = view.get(Document, plain)
    if found is None:
        raise InvalidDocument(f"Document with name {name} does not exist.")
    return found


def find_version(
    view: View, document: Document, wanted: str | None = None, version_name: str | None = None
) -> Version:
    """A version: by `$DEFAULT` (or None), `$LATEST`, its number, or the name it was given.

    Raises InvalidDocumentVersion.
    """
    if document.owner == "Amazon":
        version = documents()[document.name][1]
        if wanted in (None, "$DEFAULT", "$LATEST", "1") and version_name is None:
            return version
        raise _no_version(document, version_name or wanted)
    if version_name is not None:
        for version in view.scan(Version, prefix=f"{document.name}/"):
            if version.version_name == version_name:
                return version
        raise _no_version(document, version_name)
    number = {None: document.default, "$DEFAULT": document.default, "$LATEST": document.latest}.get(wanted)
    found = view.get(Version, version_key(document.name, int(wanted or 0) if number is None else number))
    if found is None:
        raise _no_version(document, wanted)
    return found


def _no_version(document: Document, wanted: str | None) -> InvalidDocumentVersion:
    return InvalidDocumentVersion(f"The document {document.name} has no version {wanted}.")


def exists(view: View, name: str) -> bool:
    """Whether the account has a document of that name."""
    return view.get(Document, name) is not None
