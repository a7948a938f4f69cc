"""Associations and their versions, as they are remembered. Times are seconds since the epoch."""

from __future__ import annotations

from typing import Any, ClassVar

from stepwell.durable import Record, View
from stepwell.services.ssm.errors import AssociationDoesNotExist, InvalidAssociationVersion
from stepwell.services.ssm.linked import linked_role


class Association(Record, frozen=True, kw_only=True):
    """A document that is applied to instances again and again."""

    SERVICE: ClassVar[str] = "ssm"
    KIND: ClassVar[str] = "association"

    #: a UUID
    id: str
    #: the latest version's number
    version: int = 1
    #: the members of CreateAssociation that DescribeAssociation gives back
    settings: dict[str, Any]
    created: float
    updated: float
    #: when its schedule began to count
    since: float
    #: when it runs next by its schedule; None for never
    next: float | None = None
    #: the key of the last execution
    execution: str | None = None
    #: the instances that its targets named when they were last looked at
    instances: list[str] = []
    #: Overview: of the last execution; Pending before the first
    status: str = "Pending"
    details: str = "Creating"
    counts: dict[str, int] = {}
    #: when it last ran, and last ran with success
    ran: float | None = None
    succeeded: float | None = None
    #: Status: what UpdateAssociationStatus told of it
    reported: dict[str, Any] | None = None

    @property
    def key(self) -> str:
        return self.id

    @property
    def only_scheduled(self) -> bool:
        """Whether nothing but its schedule (and StartAssociationsOnce) runs it."""
        return bool(self.settings.get("ApplyOnlyAtCronInterval"))

    def role(self, account: str) -> str:
        """The ARN of the role that sends its commands."""
        return str(self.settings.get("AssociationDispatchAssumeRole") or linked_role(account))


class AssociationVersion(Record, frozen=True, kw_only=True):
    """What an association said at one time."""

    SERVICE: ClassVar[str] = "ssm"
    KIND: ClassVar[str] = "association-version"

    association: str
    number: int
    created: float
    settings: dict[str, Any]

    @property
    def key(self) -> str:
        return f"{self.association}/{self.number:06d}"


def association_of(view: View, id: str) -> Association:
    """The association. Raises AssociationDoesNotExist."""
    found = view.get(Association, id)
    if found is None:
        raise AssociationDoesNotExist(f"Association {id} does not exist.")
    return found


def association_with(view: View, document: str, instance: str) -> Association | None:
    """The association of a document that names an instance by InstanceId, not by Targets."""
    for each in view.scan(Association):
        if each.settings.get("InstanceId") == instance and each.settings["Name"] == document:
            return each
    return None


def version_of(view: View, association: Association, wanted: str | None) -> AssociationVersion:
    """A version by its number, `$LATEST`, or None, which is the latest. Raises InvalidAssociationVersion."""
    number = association.version if wanted in (None, "$LATEST") else int(wanted)
    found = view.get(AssociationVersion, f"{association.id}/{number:06d}")
    if found is None:
        raise InvalidAssociationVersion(f"Association {association.id} has no version {wanted}.")
    return found


def versions_of(view: View, association: Association) -> list[AssociationVersion]:
    """All its versions, ascending."""
    return list(view.scan(AssociationVersion, prefix=f"{association.id}/"))
