"""PublishVersion and ListVersionsByFunction."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stepwell.api.operations import Operation, words
from stepwell.calls import Call
from stepwell.durable import Draft, View
from stepwell.services.lambda_ import names, versions
from stepwell.services.lambda_.errors import InvalidParameterValueException
from stepwell.services.lambda_.functions import check_revision, page
from stepwell.services.lambda_.names import LATEST, rights
from stepwell.services.lambda_.records import find, shown


def publish_version(call: Call, draft: Draft) -> dict[str, Any]:
    function = find(draft, names.parse(call.params["FunctionName"], None, draft))
    check_revision(call.params.get("RevisionId"), function.latest.revision)
    wanted, actual = call.params.get("CodeSha256"), function.latest.sha256
    if wanted and wanted != actual:
        raise InvalidParameterValueException(
            f"CodeSHA256 ({wanted}) is different from current CodeSHA256 in $LATEST ({actual}). "
            "Please try again with the CodeSHA256 in $LATEST."
        )
    return versions.publish(draft, function, call.params.get("Description", ""))


def list_versions_by_function(call: Call, view: View) -> dict[str, Any]:
    function = find(view, names.of(call.params, view))

    def entries() -> Iterator[tuple[str, dict[str, Any]]]:
        yield function.name, shown(view, function.name, function.latest, qualifier=LATEST)
        for version in versions.of(view, function.name):
            number = str(version.number)
            yield (
                f"{function.name} {version.number:010d}",
                shown(view, function.name, version.configuration, qualifier=number),
            )

    return page(call.params, "Versions", entries())


OPERATIONS = (
    Operation(
        name="PublishVersion",
        rights=rights("PublishVersion"),
        honoured=words("FunctionName CodeSha256 Description RevisionId"),
        decide=publish_version,
    ),
    Operation(
        name="ListVersionsByFunction",
        rights=rights("ListVersionsByFunction"),
        honoured=words("FunctionName Marker MaxItems"),
        read=list_versions_by_function,
    ),
)
