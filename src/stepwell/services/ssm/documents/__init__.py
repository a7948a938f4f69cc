"""Documents: what commands run, in versions, with parameters that are checked.

OPERATIONS                          the rows
find(view, name), find_version(…)   a document, and one of its versions
Version.read()                      what it says
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stepwell.api.operations import Operation, Right, Site, words
from stepwell.arn import build
from stepwell.services.ssm.documents import reading, writing
from stepwell.services.ssm.documents.builtin import documents
from stepwell.services.ssm.documents.finding import exists, find, find_version
from stepwell.services.ssm.documents.records import Document, Version

__all__ = ["OPERATIONS", "Document", "Version", "document_arn", "exists", "find", "find_version"]


def document_arn(name: str, site: Site) -> str:
    """The ARN of a document; AWS's own belong to no account."""
    if name.startswith("arn:"):
        return name
    return build("ssm", site.region, "" if name in documents() else site.account, f"document/{name}")


def _named(params: Mapping[str, Any], site: Site) -> str:
    return document_arn(params["Name"], site)


def _right(action: str) -> tuple[Right, ...]:
    return (Right(action=f"ssm:{action}", resource=_named),)


OPERATIONS = (
    Operation(
        name="CreateDocument",
        rights=_right("CreateDocument"),
        honoured=words("Content Name VersionName DocumentType DocumentFormat Tags"),
        recorded=words("DisplayName TargetType"),
        prepare=writing.prepare,
        decide=writing.create,
    ),
    Operation(
        name="UpdateDocument",
        rights=_right("UpdateDocument"),
        honoured=words("Content Name VersionName DocumentVersion DocumentFormat"),
        recorded=words("DisplayName TargetType"),
        prepare=writing.prepare,
        decide=writing.update,
    ),
    Operation(
        name="UpdateDocumentDefaultVersion",
        rights=_right("UpdateDocumentDefaultVersion"),
        honoured=words("Name DocumentVersion"),
        decide=writing.set_default,
    ),
    Operation(
        name="DeleteDocument",
        rights=_right("DeleteDocument"),
        honoured=words("Name DocumentVersion VersionName"),
        recorded=words("Force"),
        decide=writing.delete,
    ),
    Operation(
        name="ModifyDocumentPermission",
        rights=_right("ModifyDocumentPermission"),
        recorded=words("Name PermissionType AccountIdsToAdd AccountIdsToRemove SharedDocumentVersion"),
        decide=writing.share,
    ),
    Operation(
        name="DescribeDocument",
        rights=_right("DescribeDocument"),
        honoured=words("Name DocumentVersion VersionName"),
        read=reading.describe,
    ),
    Operation(
        name="GetDocument",
        rights=_right("GetDocument"),
        honoured=words("Name DocumentVersion VersionName DocumentFormat"),
        read=reading.get,
    ),
    Operation(
        name="ListDocuments",
        rights=(Right(action="ssm:ListDocuments"),),
        honoured=words("DocumentFilterList Filters MaxResults NextToken"),
        read=reading.list_documents,
    ),
    Operation(
        name="ListDocumentVersions",
        rights=_right("ListDocumentVersions"),
        honoured=words("Name MaxResults NextToken"),
        read=reading.list_versions,
    ),
    Operation(
        name="DescribeDocumentPermission",
        rights=_right("DescribeDocumentPermission"),
        honoured=words("Name PermissionType MaxResults NextToken"),
        read=reading.describe_permission,
    ),
)
