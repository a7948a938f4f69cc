"""DescribeAssociation, ListAssociations, ListAssociationVersions: what associations say and how they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from stepwell.api.operations import Operation, words
from stepwell.calls import Call
from stepwell.durable import View
from stepwell.errors import ValidationException
from stepwell.services.ssm.associations import rights, times
from stepwell.services.ssm.associations.records import (
    Association,
    AssociationVersion,
    association_of,
    association_with,
    version_of,
    versions_of,
)
from stepwell.services.ssm.errors import AssociationDoesNotExist
from stepwell.services.ssm.paging import listed

#: settings that lists show
LISTED = words(
    "Name InstanceId DocumentVersion Targets ScheduleExpression AssociationName ScheduleOffset Duration"
)
#: settings that versions do not have
UNVERSIONED = frozenset({"InstanceId", "AlarmConfiguration"})
#: filter of ListAssociations → whether an association fits its value
FILTERS: dict[str, Callable[[Association, str], bool]] = {
    "InstanceId": lambda each, value: value in each.instances or each.settings.get("InstanceId") == value,
    "Name": lambda each, value: each.settings["Name"] == value,
    "AssociationId": lambda each, value: each.id == value,
    "AssociationStatusName": lambda each, value: each.status == value,
    "LastExecutedBefore": lambda each, value: each.ran is not None and each.ran < times.moment_of(value),
    "LastExecutedAfter": lambda each, value: each.ran is not None and each.ran > times.moment_of(value),
    "AssociationName": lambda each, value: each.settings.get("AssociationName") == value,
}


def association_for(view: View, params: Mapping[str, Any]) -> Association:
    """The association that a call names by its id, or by a document and an instance.

    Raises AssociationDoesNotExist, ValidationException.
    """
    if "AssociationId" in params:
        return association_of(view, params["AssociationId"])
    if "Name" not in params or "InstanceId" not in params:
        raise ValidationException("Name an AssociationId, or both Name and InstanceId.")
    found = association_with(view, params["Name"], params["InstanceId"])
    if found is None:
        raise AssociationDoesNotExist(
            f"The document {params['Name']} is not associated with {params['InstanceId']}."
        )
    return found


def described(association: Association, version: AssociationVersion | None = None) -> dict[str, Any]:
    """AWS's AssociationDescription, of the latest version unless one is given."""
    shown = {
        **(version.settings if version is not None else association.settings),
        "AssociationId": association.id,
        "AssociationVersion": str(version.number if version is not None else association.version),
        "Date": association.created,
        "LastUpdateAssociationDate": association.updated,
        "Overview": overview(association),
        **_dates(association),
    }
    if "InstanceId" in association.settings:
        shown["Status"] = association.reported or {
            "Date": association.created,
            "Name": "Pending",
            "Message": f"Associated with {association.settings['Name']}",
        }
    return shown


def overview(association: Association) -> dict[str, Any]:
    """AWS's AssociationOverview."""
    shown: dict[str, Any] = {"Status": association.status, "DetailedStatus": association.details}
    if association.counts:
        shown["AssociationStatusAggregatedCount"] = association.counts
    return shown


def _dates(association: Association) -> dict[str, float]:
    dates = {"LastExecutionDate": association.ran, "LastSuccessfulExecutionDate": association.succeeded}
    return {name: moment for name, moment in dates.items() if moment is not None}


def describe(call: Call, view: View) -> dict[str, Any]:
    """DescribeAssociation."""
    association = association_for(view, call.params)
    version = version_of(view, association, call.params.get("AssociationVersion"))
    return {"AssociationDescription": described(association, version)}


def list_associations(call: Call, view: View) -> dict[str, Any]:
    """ListAssociations."""
    wanted = [(each["key"], each["value"]) for each in call.params.get("AssociationFilterList", ())]
    for key, _ in wanted:
        if key not in FILTERS:
            raise ValidationException(
                f"The filter key {key} is not supported by Stepwell. Use {', '.join(FILTERS)}."
            )
    fitting = (
        each for each in view.scan(Association) if all(FILTERS[key](each, value) for key, value in wanted)
    )
    page, token = listed(call.params, fitting, lambda each: each.id)
    return {"Associations": [_listed(each) for each in page], **token}


def _listed(association: Association) -> dict[str, Any]:
    shown = {name: association.settings[name] for name in LISTED if name in association.settings}
    if association.ran is not None:
        shown["LastExecutionDate"] = association.ran
    return {
        **shown,
        "AssociationId": association.id,
        "AssociationVersion": str(association.version),
        "Overview": overview(association),
    }


def list_versions(call: Call, view: View) -> dict[str, Any]:
    """ListAssociationVersions, newest first."""
    association = association_of(view, call.params["AssociationId"])
    found = list(reversed(versions_of(view, association)))
    page, token = listed(call.params, found, lambda each: each.key)
    rows = [
        {
            **{name: value for name, value in each.settings.items() if name not in UNVERSIONED},
            "AssociationId": association.id,
            "AssociationVersion": str(each.number),
            "CreatedDate": each.created,
        }
        for each in page
    ]
    return {"AssociationVersions": rows, **token}


OPERATIONS = (
    Operation(
        name="DescribeAssociation",
        rights=(
            rights.named("DescribeAssociation", "AssociationId"),
            rights.named("DescribeAssociation", "Name"),
        ),
        honoured=words("AssociationId Name InstanceId AssociationVersion"),
        read=describe,
    ),
    Operation(
        name="ListAssociations",
        rights=(rights.right("ListAssociations"),),
        honoured=words("AssociationFilterList MaxResults NextToken"),
        read=list_associations,
    ),
    Operation(
        name="ListAssociationVersions",
        rights=(rights.right("ListAssociationVersions", rights.ASSOCIATION),),
        honoured=words("AssociationId MaxResults NextToken"),
        read=list_versions,
    ),
)
