"""The tables of properties against the AWS package itself: what it declares, they classify."""

from __future__ import annotations

import importlib
import typing
from collections.abc import Mapping
from typing import Any

import pytest
from pulumi import _types

from stepwell.provision import providers
from stepwell.provision.aws import ALL, TYPES
from stepwell.provision.schema import Property

# The package warns of its own deprecated resources when it is imported.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


#: packages whose names Python doesn't allow
_PACKAGES = {"lambda": "lambda_"}


def _sdk(token: str) -> tuple[set[str], dict[str, Any]]:
    """The inputs, and all properties with their types."""
    package, name = token.split(":")[1].split("/")[0], token.rsplit(":", 1)[-1]
    kind = getattr(importlib.import_module(f"pulumi_aws.{_PACKAGES.get(package, package)}"), name)
    module = importlib.import_module(kind.__module__)
    inputs = {pulumi for _, pulumi, _ in _types._py_properties(getattr(module, module.__all__[0]))}
    return inputs, dict(_types.resource_types(getattr(module, name)))


def _block_of(declared: Any) -> Any:
    """The output class within `Optional[Sequence[...]]`, or None."""
    if isinstance(declared, type) and _types.is_output_type(declared):
        return declared
    return next((found for inner in typing.get_args(declared) if (found := _block_of(inner))), None)


def _unclassified(table: Mapping[str, Property], block: Any, path: str) -> list[str]:
    declared = _types.output_type_types(block)
    missing = [f"{path}.{name}" for name in declared if name not in table]
    for name, kind in declared.items():
        row, inner = table.get(name), _block_of(kind)
        if row is not None and row.fields is not None and inner is not None:
            missing += _unclassified(row.fields, inner, f"{path}.{name}")
    return missing


def test_no_token_is_given_twice() -> None:
    """Two tables for one type would hide each other."""
    assert len(TYPES) == len(ALL)


@pytest.mark.parametrize("token", sorted(TYPES))
def test_every_input_is_classified_and_none_is_invented(token: str) -> None:
    """Honoured, recorded or refused: the table has exactly the inputs that the package has."""
    inputs, _ = _sdk(token)
    assert set(TYPES[token].properties) == inputs


@pytest.mark.parametrize("token", sorted(TYPES))
def test_computed_properties_are_the_packages_outputs(token: str) -> None:
    """What is neither an input nor computed would never be answered."""
    inputs, properties = _sdk(token)
    assert TYPES[token].computed - {"tagsAll"} == set(properties) - inputs - {"tagsAll"}


@pytest.mark.parametrize("token", sorted(TYPES))
def test_every_field_of_a_described_block_is_classified(token: str) -> None:
    """A block whose fields are listed lists them all; output-only fields don't count."""
    _, properties = _sdk(token)
    missing: list[str] = []
    for name, row in TYPES[token].properties.items():
        block = _block_of(properties[name]) if row.fields is not None else None
        if block is not None and row.fields is not None:
            missing += _unclassified(row.fields, block, name)
    assert missing == [path for path in missing if path == "vpcConfig.vpcId"]


@pytest.mark.parametrize("token", sorted(TYPES))
def test_refusals_have_a_reason(token: str) -> None:
    """A refused property says why."""
    assert all(row.reason for row in TYPES[token].properties.values() if row.standing == "refused")


@pytest.mark.parametrize("token", sorted(TYPES))
def test_volatile_properties_are_outputs(token: str) -> None:
    """An update can only change what the package shows."""
    _, properties = _sdk(token)
    assert set(properties) >= TYPES[token].volatile


def test_the_provider_is_classified() -> None:
    """Every setting of the package's provider is in its table."""
    from pulumi_aws import ProviderArgs

    declared = {pulumi for _, pulumi, _ in _types._py_properties(ProviderArgs)}
    assert declared <= set(providers.PROPERTIES)
