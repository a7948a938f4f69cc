"""Every operation is a complete row: it is AWS's, its fields have a class, its rights are named."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from botocore.model import ListShape, MapShape, Shape, StructureShape

from stepwell.api.fields import refuse_unknown
from stepwell.api.models import operation_model
from stepwell.api.operations import Operation, Service
from stepwell.errors import UnsupportedParameter

Services = Mapping[str, Service]

#: AWS needs no permission for these
WITHOUT_RIGHTS = {("sts", "GetCallerIdentity"), ("sts", "GetSessionToken")}
ACTION = re.compile(r"[a-z0-9-]+:[A-Z][A-Za-z0-9]+")


def rows(services: Services) -> Iterator[tuple[str, Operation, Shape | None]]:
    """Every operation, with the shape of its input."""
    for name, service in services.items():
        for operation in service.operations.values():
            yield name, operation, operation_model(name, operation.name).input_shape


def reaches(shape: Shape | None, parts: list[str]) -> bool:
    """Whether a dotted path leads to a member of the shape; lists and maps are looked through."""
    if isinstance(shape, ListShape):
        return reaches(shape.member, parts)
    if isinstance(shape, MapShape):
        return reaches(shape.value, parts)
    if not parts:
        return shape is not None
    if not isinstance(shape, StructureShape) or parts[0] not in shape.members:
        return False
    return reaches(shape.members[parts[0]], parts[1:])


def members(shape: Shape | None) -> list[str]:
    return list(shape.members) if isinstance(shape, StructureShape) else []


def test_every_service_has_operations(services: Services) -> None:
    assert {"iam", "logs", "s3", "sagemaker", "sagemaker-runtime", "stepfunctions", "sts"} <= set(services)
    assert all(service.operations for service in services.values())


def test_every_classified_field_exists_in_the_model(services: Services) -> None:
    strange = [
        f"{name} {operation.name}: {path}"
        for name, operation, shape in rows(services)
        for path in operation.honoured + operation.recorded
        if not reaches(shape, path.split("."))
    ]
    assert not strange


def test_no_field_has_two_classes(services: Services) -> None:
    double = []
    for name, operation, _ in rows(services):
        paths = operation.honoured + operation.recorded
        within = {(a, b) for a in paths for b in paths if b.startswith(f"{a}.")}
        if len(set(paths)) != len(paths) or within:
            double.append(f"{name} {operation.name}: {sorted(within) or paths}")
    assert not double


def test_every_required_field_is_honoured_or_recorded(services: Services) -> None:
    lost = [
        f"{name} {operation.name}: {required}"
        for name, operation, shape in rows(services)
        if isinstance(shape, StructureShape)
        for required in shape.required_members
        if required not in {path.partition(".")[0] for path in operation.honoured + operation.recorded}
    ]
    assert not lost


def test_every_other_field_is_refused_by_name(services: Services) -> None:
    for _, operation, shape in rows(services):
        classified = {path.partition(".")[0] for path in operation.honoured + operation.recorded}
        for member in set(members(shape)) - classified:
            with pytest.raises(UnsupportedParameter, match=rf"\b{re.escape(member)}\b"):
                refuse_unknown(operation, shape, {member: "given"})


def test_every_operation_names_the_rights_that_it_needs(services: Services) -> None:
    without = {(name, operation.name) for name, operation, _ in rows(services) if not operation.rights}
    assert without <= WITHOUT_RIGHTS


def test_rights_are_actions_on_arns_that_the_parameters_give(services: Services) -> None:
    wrong = []
    for name, operation, shape in rows(services):
        known = {*members(shape), "region", "account"}
        for right in operation.rights:
            where = f"{name} {operation.name} {right.action}"
            if not ACTION.fullmatch(right.action):
                wrong.append(where)
            if isinstance(right.resource, str):
                wrong += [
                    f"{where}: {part}"
                    for part in re.findall(r"\{(\w+)\}", right.resource)
                    if part not in known
                ]
                if right.resource != "*" and not right.resource.startswith(("arn:aws:", "{")):
                    wrong.append(f"{where}: {right.resource}")
            wrong += [
                f"{where}: {source}"
                for source in right.keys.values()
                if isinstance(source, str)
                and not source.startswith("=")
                and not reaches(shape, source.split("."))
            ]
    assert not wrong


def test_bodies_have_a_limit_only_where_there_is_a_body(services: Services) -> None:
    def bodies(shape: Any) -> bool:
        return isinstance(shape, StructureShape) and any(
            member.type_name == "blob" for member in shape.members.values()
        )

    assert not [
        f"{name} {operation.name}"
        for name, operation, shape in rows(services)
        if operation.body_limit is not None and not bodies(shape)
    ]
