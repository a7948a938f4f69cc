"""Systems Manager: associations, documents that are applied to machines again and again."""

from __future__ import annotations

from typing import Any

from stepwell.provision.aws import tags
from stepwell.provision.aws.blocks import camel, given, pascal
from stepwell.provision.aws.ssm_tags import present, retag
from stepwell.provision.aws.ssm_windows import TARGETS, agrees, pages, settings, shown
from stepwell.provision.cloud import Cloud, attempt, calling
from stepwell.provision.problems import ResourceFailed
from stepwell.provision.schema import Inputs, ResourceType, block, honoured, refused

_KIND = "Association"
_SETTINGS = {
    "name": "Name",
    "associationName": "AssociationName",
    "applyOnlyAtCronInterval": "ApplyOnlyAtCronInterval",
    "complianceSeverity": "ComplianceSeverity",
    "documentVersion": "DocumentVersion",
    "maxConcurrency": "MaxConcurrency",
    "maxErrors": "MaxErrors",
    "scheduleExpression": "ScheduleExpression",
    "syncCompliance": "SyncCompliance",
}
_LOCATION = {
    "s3BucketName": "OutputS3BucketName",
    "s3KeyPrefix": "OutputS3KeyPrefix",
    "s3Region": "OutputS3Region",
}


def _asked(inputs: Inputs) -> dict[str, Any]:
    location = inputs.get("outputLocation")
    parameters = inputs.get("parameters")
    return given(
        **settings(_SETTINGS, inputs),
        OutputLocation={"S3Location": settings(_LOCATION, location)} if location else None,
        Parameters={name: [text] for name, text in parameters.items()} if parameters else None,
        Targets=pascal(inputs["targets"]) if inputs.get("targets") else None,
    )


def _create(cloud: Cloud, inputs: Inputs) -> str:
    listed = given(Tags=tags.pairs(tags.of(inputs)) or None)
    with calling(cloud):
        answer = cloud.client("ssm").create_association(**_asked(inputs), **listed)
    return str(answer["AssociationDescription"]["AssociationId"])


def _settle(cloud: Cloud, id_: str, inputs: Inputs) -> None:
    seconds = inputs.get("waitForSuccessTimeoutSeconds")
    if not seconds:
        return

    def succeeded() -> bool:
        with calling(cloud):
            answer = cloud.client("ssm").describe_association(AssociationId=id_)
        overview = answer["AssociationDescription"].get("Overview", {})
        if overview.get("Status") == "Failed":
            raise ResourceFailed(f"association {id_} failed: {overview.get('DetailedStatus', '')}")
        return bool(overview.get("Status") == "Success")

    cloud.until(succeeded, what=f"association {id_}", seconds=float(seconds))


def _update(cloud: Cloud, id_: str, old: Inputs, new: Inputs) -> None:
    """An update is a new version, and says everything: what it leaves out is taken back."""
    if _asked(old) != _asked(new):
        with calling(cloud):
            cloud.client("ssm").update_association(AssociationId=id_, **_asked(new))
    retag(cloud, _KIND, id_, old, new)


def _read(cloud: Cloud, id_: str, inputs: Inputs) -> dict[str, Any] | None:
    answer = attempt(cloud, cloud.client("ssm").describe_association, AssociationId=id_)
    if answer is None:
        return None
    found = answer["AssociationDescription"]
    location = found.get("OutputLocation", {}).get("S3Location")
    parameters = found.get("Parameters")
    return given(
        **shown(_SETTINGS, found),
        associationId=id_,
        arn=cloud.arn("ssm", f"association/{id_}"),
        outputLocation=shown(_LOCATION, location) if location else None,
        parameters={name: ",".join(texts) for name, texts in parameters.items()} if parameters else None,
        targets=camel(found["Targets"]) if found.get("Targets") else None,
        tagsAll=present(cloud, _KIND, id_, inputs),
    )


def _delete(cloud: Cloud, id_: str, inputs: Inputs) -> None:
    attempt(cloud, cloud.client("ssm").delete_association, AssociationId=id_)


def _find(cloud: Cloud, inputs: Inputs) -> str | None:
    filters = [{"key": "Name", "value": inputs["name"]}]
    for page in pages(cloud, "list_associations", AssociationFilterList=filters):
        for entry in page["Associations"]:
            id_ = str(entry["AssociationId"])
            if agrees(_read(cloud, id_, inputs), inputs):
                return id_
    return None


ASSOCIATION = ResourceType(
    token="aws:ssm/association:Association",
    properties={
        "name": honoured(required=True, replaces=True),
        "applyOnlyAtCronInterval": honoured(default=False),
        **block(
            "associationName complianceSeverity documentVersion maxConcurrency maxErrors parameters"
            " scheduleExpression syncCompliance waitForSuccessTimeoutSeconds tags"
        ),
        "outputLocation": honoured(
            fields={"s3BucketName": honoured(required=True), **block("s3KeyPrefix s3Region")}
        ),
        "targets": honoured(many=True, fields=TARGETS),
        "region": honoured(replaces=True),
        "automationTargetParameterName": refused("runbooks are not run here"),
        "calendarNames": refused("there are no change calendars here"),
    },
    computed=frozenset({"arn", "associationId", "tagsAll"}),
    create=_create,
    settle=_settle,
    update=_update,
    read=_read,
    delete=_delete,
    identify=lambda cloud, inputs: "",
    find=_find,
)

TYPES = (ASSOCIATION,)
