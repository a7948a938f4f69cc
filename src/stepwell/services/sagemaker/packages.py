"""Model packages: versions of a model, and the approval without which none is deployed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from msgspec.structs import replace

from stepwell.api.operations import Operation, Right, Site, words
from stepwell.arn import parse
from stepwell.calls import Call
from stepwell.durable import Draft, Record, View
from stepwell.errors import ValidationException
from stepwell.services.sagemaker import listing, names, package_groups, tags
from stepwell.services.sagemaker.events import tell
from stepwell.services.sagemaker.s3_uris import require_s3
from stepwell.services.sagemaker.user_context import user_context

EVENT = "SageMaker Model Package State Change"
#: what a new version waits for
PENDING = "PendingManualApproval"
CONTAINER = words("Image ModelDataUrl Environment")
#: members of the request that Describe gives back as they came
DESCRIBED = words(
    "ModelPackageDescription InferenceSpecification CertifyForMarketplace MetadataProperties ModelMetrics"
    " Domain Task SamplePayloadUrl CustomerMetadataProperties DriftCheckBaselines SkipModelValidation"
    " SourceUri ModelCard ModelLifeCycle ModelPackageRegistrationType"
)
#: members that UpdateModelPackage replaces
UPDATED = words("InferenceSpecification SourceUri ModelCard ModelLifeCycle ModelPackageRegistrationType")


class ModelPackage(Record, frozen=True, kw_only=True):
    """A model package: a version of a group, or one by itself."""

    SERVICE: ClassVar[str] = "sagemaker"
    KIND: ClassVar[str] = "model-package"

    arn: str
    #: the group's name, for a version
    group: str | None = None
    version: int | None = None
    #: its own name, for one by itself
    name: str | None = None
    #: CreateModelPackage's parameters without Tags, and what UpdateModelPackage changed
    request: dict[str, Any]
    #: ModelApprovalStatus; a package by itself has none unless it was given
    approval: str | None = None
    approval_description: str | None = None
    created: float
    #: CreatedBy and LastModifiedBy; None for packages of older servers
    created_by: dict[str, Any] | None = None
    modified: float | None = None
    modified_by: dict[str, Any] | None = None

    @property
    def key(self) -> str:
        """Versions of a group are found together, in their order."""
        if self.group is None:
            return str(self.name).lower()
        return version_key(self.group, self.version or 0)


class Registered(Record, frozen=True, kw_only=True):
    """Finds the package that a ClientToken made."""

    SERVICE: ClassVar[str] = "sagemaker"
    KIND: ClassVar[str] = "model-package-token"

    token: str
    arn: str

    @property
    def key(self) -> str:
        return self.token


def version_key(group: str, version: int) -> str:
    return f"{group.lower()}/{version:08d}"


def find(view: View, name: str) -> ModelPackage:
    """The package by its name, `group/version` or ARN. Raises ValidationException."""
    arn = parse(name)
    plain = (name if arn is None else arn.resource.partition("/")[2]).lower()
    group, _, version = plain.rpartition("/")
    key = version_key(group, int(version)) if group and version.isdigit() else plain
    package = view.get(ModelPackage, key)
    if package is None:
        missing = name if arn is not None else names.arn_of(view, ModelPackage.KIND, plain)
        raise ValidationException(f"ModelPackage {missing} does not exist.")
    return package


def deployable(view: View, name: str) -> dict[str, Any]:
    """The container of an approved package. Raises ValidationException."""
    package = find(view, name)
    if package.group is not None and package.approval != "Approved":
        raise ValidationException(
            f"Model package {package.arn} cannot be deployed: its ModelApprovalStatus is {package.approval}, "
            "it must be Approved."
        )
    containers = package.request.get("InferenceSpecification", {}).get("Containers", [])
    if len(containers) != 1:
        raise ValidationException(
            f"Model package {package.arn} must have exactly one container to be deployed."
        )
    return {name: containers[0][name] for name in CONTAINER if name in containers[0]}


def create(call: Call, draft: Draft) -> dict[str, Any]:
    """CreateModelPackage."""
    params = call.params
    token = params.get("ClientToken")
    repeat = draft.get(Registered, token) if token is not None else None
    if repeat is not None:
        return {"ModelPackageArn": repeat.arn}
    _check(params)
    made = _version(params, draft) if "ModelPackageGroupName" in params else _alone(params, draft)
    package = replace(made, created_by=user_context(call.caller))
    if token is not None:
        draft.put(Registered(token=token, arn=package.arn))
    draft.put(package)
    tell(draft, EVENT, package.arn, describe(package))
    return {"ModelPackageArn": package.arn}


def _check(params: Mapping[str, Any]) -> None:
    if ("ModelPackageName" in params) == ("ModelPackageGroupName" in params):
        raise ValidationException(
            "Both ModelPackageName and ModelPackageGroupName are provided in the input. Cannot determine "
            "which one to use."
            if "ModelPackageName" in params
            else "Missing ARN: name a ModelPackageGroupName or a ModelPackageName."
        )
    for container in params.get("InferenceSpecification", {}).get("Containers", []):
        if "ModelDataUrl" in container:
            require_s3(container["ModelDataUrl"])


def _request(params: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in params.items() if key not in ("Tags", "ClientToken")}


def _version(params: Mapping[str, Any], draft: Draft) -> ModelPackage:
    if params.get("Tags"):
        raise ValidationException("A versioned model package cannot have tags; tag its group.")
    group = package_groups.find(draft, params["ModelPackageGroupName"])
    number = group.newest + 1
    draft.put(replace(group, newest=number, count=group.count + 1))
    return ModelPackage(
        arn=names.arn_of(draft, ModelPackage.KIND, f"{group.name}/{number}"),
        group=group.name,
        version=number,
        request=_request(params),
        approval=params.get("ModelApprovalStatus", PENDING),
        created=draft.now,
    )


def _alone(params: Mapping[str, Any], draft: Draft) -> ModelPackage:
    name = params["ModelPackageName"]
    arn = names.arn_of(draft, ModelPackage.KIND, name)
    if draft.get(ModelPackage, name.lower()) is not None:
        raise ValidationException(f"Model package already exists: {arn}")
    tags.add(draft, arn, params.get("Tags"))
    return ModelPackage(
        arn=arn,
        name=name,
        request=_request(params),
        approval=params.get("ModelApprovalStatus"),
        created=draft.now,
    )


def describe(package: ModelPackage) -> dict[str, Any]:
    """DescribeModelPackage's output. A version's ModelPackageName is its ARN's last parts."""
    optional = {
        "ModelPackageGroupName": package.group,
        "ModelPackageVersion": package.version,
        "ModelApprovalStatus": package.approval,
        "ApprovalDescription": package.approval_description,
        "CreatedBy": package.created_by,
        "LastModifiedTime": package.modified,
        "LastModifiedBy": package.modified_by,
    }
    return {
        "ModelPackageName": package.name or f"{package.group}/{package.version}",
        "ModelPackageArn": package.arn,
        "CreationTime": package.created,
        "ModelPackageStatus": "Completed",
        "ModelPackageStatusDetails": {"ValidationStatuses": [], "ImageScanStatuses": []},
        "CertifyForMarketplace": False,
        **{name: package.request[name] for name in DESCRIBED if name in package.request},
        **{name: value for name, value in optional.items() if value is not None},
    }


def update(call: Call, draft: Draft) -> dict[str, Any]:
    """UpdateModelPackage."""
    params = call.params
    package = find(draft, params["ModelPackageArn"])
    request = {**package.request, **{name: params[name] for name in UPDATED if name in params}}
    gone = set(params.get("CustomerMetadataPropertiesToRemove", []))
    properties = {
        **request.get("CustomerMetadataProperties", {}),
        **params.get("CustomerMetadataProperties", {}),
    }
    left = {key: value for key, value in properties.items() if key not in gone}
    if left or "CustomerMetadataProperties" in request:
        request["CustomerMetadataProperties"] = left
    _check_update(params)
    changed = replace(
        package,
        request=request,
        approval=params.get("ModelApprovalStatus", package.approval),
        approval_description=params.get("ApprovalDescription", package.approval_description),
        modified=draft.now,
        modified_by=user_context(call.caller),
    )
    draft.put(changed)
    if changed.approval != package.approval:
        tell(draft, EVENT, changed.arn, describe(changed))
    return {"ModelPackageArn": changed.arn}


def _check_update(params: Mapping[str, Any]) -> None:
    for container in params.get("InferenceSpecification", {}).get("Containers", []):
        if "ModelDataUrl" in container:
            require_s3(container["ModelDataUrl"])


def delete(call: Call, draft: Draft) -> None:
    """DeleteModelPackage."""
    package = find(draft, call.params["ModelPackageName"])
    if package.group is not None:
        group = package_groups.find(draft, package.group)
        draft.put(replace(group, count=group.count - 1))
    draft.delete(ModelPackage, package.key)
    draft.delete(tags.Tags, package.arn)


def list_packages(call: Call, view: View) -> dict[str, Any]:
    """ListModelPackages."""
    params = call.params
    group = params.get("ModelPackageGroupName")
    kind = params.get("ModelPackageType", "Versioned" if group is not None else "Unversioned")
    prefix = ""
    if group is not None:
        prefix = f"{package_groups.find(view, group).name.lower()}/"
    wanted = params.get("ModelApprovalStatus")
    chosen = (
        package
        for package in view.scan(ModelPackage, prefix=prefix)
        if kind == "Both" or (package.group is not None) == (kind == "Versioned")
        if wanted is None or package.approval == wanted
    )
    found = listing.page(
        params,
        (_summary(package) for package in chosen),
        member="ModelPackageSummaryList",
        name="_order",
    )
    for item in found["ModelPackageSummaryList"]:
        del item["_order"]
    return found


def _summary(package: ModelPackage) -> dict[str, Any]:
    """A version's summary has no name, as on AWS; `_order` is what it is ordered and matched by."""
    shown = describe(package)
    members = words(
        "ModelPackageGroupName ModelPackageVersion ModelPackageArn ModelPackageDescription CreationTime"
        " ModelPackageStatus ModelApprovalStatus ModelLifeCycle ModelPackageRegistrationType"
    )
    names_ = ("ModelPackageName",) if package.group is None else ()
    return {
        "_order": package.key,
        **{name: shown[name] for name in (*names_, *members) if name in shown},
    }


def _resource(params: Mapping[str, Any], site: Site) -> str:
    """The package's ARN, whichever way the request names it."""
    name = str(params.get("ModelPackageArn") or params.get("ModelPackageName") or "*")
    return name if parse(name) is not None else names.arn_of(site, ModelPackage.KIND, name)


def _created(params: Mapping[str, Any], site: Site) -> str:
    group = params.get("ModelPackageGroupName")
    if group is None:
        return _resource(params, site)
    return names.arn_of(site, ModelPackage.KIND, f"{package_groups.group_name(group)}/*")


def _listed(params: Mapping[str, Any], site: Site) -> str:
    """The group whose packages are listed, or all packages."""
    group = params.get("ModelPackageGroupName")
    if group is None:
        return names.arn_of(site, ModelPackage.KIND, "*")
    return names.arn_of(site, package_groups.ModelPackageGroup.KIND, package_groups.group_name(group))


def operations() -> list[Operation]:
    described = words(
        "InferenceSpecification.SupportedTransformInstanceTypes"
        " InferenceSpecification.SupportedRealtimeInferenceInstanceTypes"
        " InferenceSpecification.SupportedContentTypes InferenceSpecification.SupportedResponseMIMETypes"
        " InferenceSpecification.Containers.Framework InferenceSpecification.Containers.FrameworkVersion"
        " InferenceSpecification.Containers.NearestModelName InferenceSpecification.Containers.ModelInput"
        " InferenceSpecification.Containers.ImageDigest InferenceSpecification.Containers.ContainerHostname"
        " SourceUri ModelCard ModelLifeCycle ModelPackageRegistrationType"
    )
    containers = tuple(f"InferenceSpecification.Containers.{name}" for name in CONTAINER)
    return [
        Operation(
            name="CreateModelPackage",
            rights=(
                Right(action="sagemaker:CreateModelPackage", resource=_created),
                Right(
                    action="sagemaker:AddTags",
                    resource=_created,
                    when=lambda params: bool(params.get("Tags")),
                ),
            ),
            honoured=(
                *words("ModelPackageName ModelPackageGroupName ModelApprovalStatus Tags ClientToken"),
                *containers,
            ),
            recorded=(
                *described,
                *words(
                    "ModelPackageDescription CertifyForMarketplace MetadataProperties ModelMetrics Domain"
                    " Task SamplePayloadUrl CustomerMetadataProperties DriftCheckBaselines"
                    " SkipModelValidation"
                ),
            ),
            decide=create,
        ),
        Operation(
            name="DescribeModelPackage",
            rights=(Right(action="sagemaker:DescribeModelPackage", resource=_resource),),
            honoured=("ModelPackageName",),
            read=lambda call, view: describe(find(view, call.params["ModelPackageName"])),
        ),
        Operation(
            name="ListModelPackages",
            rights=(Right(action="sagemaker:ListModelPackages", resource=_listed),),
            honoured=(
                *listing.FIELDS,
                *words("ModelPackageGroupName ModelApprovalStatus ModelPackageType"),
            ),
            read=list_packages,
        ),
        Operation(
            name="UpdateModelPackage",
            rights=(Right(action="sagemaker:UpdateModelPackage", resource=_resource),),
            honoured=(*words("ModelPackageArn ModelApprovalStatus ApprovalDescription"), *containers),
            recorded=(
                *described,
                *words("CustomerMetadataProperties CustomerMetadataPropertiesToRemove"),
            ),
            decide=update,
        ),
        Operation(
            name="DeleteModelPackage",
            rights=(Right(action="sagemaker:DeleteModelPackage", resource=_resource),),
            honoured=("ModelPackageName",),
            decide=delete,
        ),
    ]
