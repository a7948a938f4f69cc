"""The rights that operations of associations need (Service Authorization Reference, Systems Manager)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stepwell.api.operations import Resource, Right, Site
from stepwell.errors import AwsError
from stepwell.services.ssm import linked
from stepwell.services.ssm.associations.settings import ROLE
from stepwell.services.ssm.commands.progress import instance_arn
from stepwell.services.ssm.commands.sending import targeted
from stepwell.services.ssm.documents import document_arn

ASSOCIATION = "arn:aws:ssm:{region}:{account}:association/{AssociationId}"
EVERY = "arn:aws:ssm:{region}:{account}:association/*"


def right(action: str, resource: Resource = "*") -> Right:
    """The right to do `action` with the resource of that template."""
    return Right(action=f"ssm:{action}", resource=resource)


def named(action: str, member: str) -> Right:
    """A right that a call needs only where it names that member: its association, or its document."""
    return Right(
        action=f"ssm:{action}",
        resource=ASSOCIATION if member == "AssociationId" else document,
        when=lambda params: bool(params.get(member)),
    )


def document(params: Mapping[str, Any], site: Site) -> str:
    """The document that a call names."""
    return document_arn(params["Name"], site)


def instances(params: Mapping[str, Any], site: Site) -> tuple[str, ...]:
    """The instances that a new association is for, as far as there are any."""
    if params.get("InstanceId"):
        return (instance_arn(site, params["InstanceId"]),)
    try:
        return targeted(params, site)
    except AwsError:
        return ()


def started(params: Mapping[str, Any], site: Site) -> tuple[str, ...]:
    """The associations that StartAssociationsOnce names."""
    return tuple(
        EVERY.format(region=site.region, account=site.account).replace("*", id)
        for id in params["AssociationIds"]
    )


def entries(resource: Any) -> Resource:
    """A resource of a batch: those that `resource` gives for each of its entries."""

    def every(params: Mapping[str, Any], site: Site) -> tuple[str, ...]:
        found: list[str] = []
        for entry in params["Entries"]:
            each = resource(entry, site)
            found += [each] if isinstance(each, str) else each
        return tuple(dict.fromkeys(found))

    return every


#: handing an association's role to Systems Manager
PASSING = Right(
    action="iam:PassRole",
    resource=lambda params, site: params.get(ROLE) or "*",
    keys={"iam:PassedToService": f"={linked.PRINCIPAL}"},
    when=lambda params: bool(params.get(ROLE)),
)
