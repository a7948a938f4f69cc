"""Roles, users and groups as rows of one table: what holds policies is handled alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from stepwell.api.operations import Operation, Right, Site, words
from stepwell.durable import Draft, View
from stepwell.services.iam.errors import EntityAlreadyExists, InvalidInput, NoSuchEntity, UnmodifiableEntity
from stepwell.services.iam.records import Entity, Group, Role, User

E = TypeVar("E", bound=Entity)

PAGING = " Marker MaxItems"
#: where service-linked roles live
LINKED_PATH = "/aws-service-role/"
#: tags of one resource (IAM quotas)
TAG_LIMIT = 50
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind(Generic[E]):
    """One kind of entity, and what AWS's operations and texts call it."""

    record: type[E]
    #: `Role`: `PutRolePolicy`, `RoleName`
    noun: str
    #: the first letters of its unique ids
    prefix: str
    #: characters of all inline policies together (IAM quotas; white space is not counted there)
    inline_limit: int
    #: managed policies attached to one (IAM quotas)
    attached_limit: int

    @property
    def word(self) -> str:
        """`role`, as in ARNs and messages."""
        return self.noun.lower()

    @property
    def parameter(self) -> str:
        return f"{self.noun}Name"

    def resource(self, params: Mapping[str, Any], site: Site) -> str:
        """The ARN of the one that a call names, as its record has it; else the caller's."""
        name = params.get(self.parameter)
        if name is None:
            return site.caller or "*"
        found = site.view.get(self.record, name.lower()) if site.view is not None else None
        return self.arn(site.account, "/", name) if found is None else found.arn

    def find(self, view: View, name: str) -> E:
        """The entity. Raises NoSuchEntity."""
        found = view.get(self.record, name.lower())
        if found is None:
            raise NoSuchEntity(f"The {self.word} with name {name} cannot be found.")
        return found

    def named(self, view: View, params: Mapping[str, Any]) -> E:
        """The entity that a call's parameters name. Raises NoSuchEntity."""
        return self.find(view, params[self.parameter])

    def changeable(self, view: View, params: Mapping[str, Any]) -> E:
        """The entity that a call's parameters name. Raises NoSuchEntity, UnmodifiableEntity."""
        found = self.named(view, params)
        refuse_linked(found)
        return found

    def refuse_taken(self, view: View, name: str) -> None:
        """Raises EntityAlreadyExists; names differ by more than case."""
        if view.get(self.record, name.lower()) is not None:
            raise EntityAlreadyExists(f"{self.noun} with name {name} already exists.")

    def arn(self, account: str, path: str, name: str) -> str:
        return f"arn:aws:iam::{account}:{self.word}{path}{name}"

    def operation(self, name: str, fields: str = "", *, keys: str = "", **handler: Any) -> Operation:
        """A row for an operation on one entity; `keys` are the condition keys (`iam:PolicyARN=PolicyArn`)."""
        pairs = dict(key.split("=") for key in keys.split())
        rights = (Right(action=f"iam:{name}", resource=self.resource, keys=pairs),)
        return Operation(name=name, rights=rights, honoured=words(f"{self.parameter} {fields}"), **handler)


ROLES = Kind(record=Role, noun="Role", prefix="AROA", inline_limit=10_240, attached_limit=20)
USERS = Kind(record=User, noun="User", prefix="AIDA", inline_limit=2_048, attached_limit=20)
GROUPS = Kind(record=Group, noun="Group", prefix="AGPA", inline_limit=5_120, attached_limit=10)
KINDS: tuple[Kind[Any], ...] = (ROLES, USERS, GROUPS)


def kind_of(word: str) -> Kind[Any]:
    """The row of `role`, `user` or `group`."""
    return next(kind for kind in KINDS if kind.word == word)


def find_arn(view: View, arn: str) -> Entity | None:
    """The role, user or group of an ARN."""
    resource = arn.rpartition(":")[2]
    word, name = resource.partition("/")[0], resource.rpartition("/")[2]
    for kind in KINDS:
        if kind.word == word:
            found = view.get(kind.record, name.lower())
            if found is not None and found.arn == arn:
                entity: Entity = found
                return entity
    return None


def refuse_linked(entity: Entity) -> None:
    """Raises UnmodifiableEntity for a service-linked role."""
    if isinstance(entity, Role) and entity.path.startswith(LINKED_PATH):
        raise UnmodifiableEntity(
            f"Cannot perform the operation on the protected role '{entity.name}' - "
            "this role is only modifiable by AWS"
        )


def unique_id(prefix: str, draft: Draft) -> str:
    """`AROA` and the like with 17 characters behind."""
    return prefix + "".join(draft.random.choice(ALPHABET) for _ in range(17))


def size(texts: Iterable[str]) -> int:
    """The characters of policies as quotas count them: without white space."""
    return sum(len("".join(text.split())) for text in texts)


def tags_of(params: Mapping[str, Any]) -> dict[str, str]:
    """The tags of a call. Raises InvalidInput for a key that comes twice."""
    pairs = [(tag["Key"], tag["Value"]) for tag in params.get("Tags") or ()]
    if len({key.lower() for key, _ in pairs}) < len(pairs):
        raise InvalidInput("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
    return dict(pairs)


def tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags as AWS answers them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def boundary_shown(entity: Role | User) -> dict[str, Any]:
    """The member that shows a permissions boundary; nothing where there is none."""
    if entity.boundary is None:
        return {}
    shown = {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": entity.boundary}
    return {"PermissionsBoundary": shown}
