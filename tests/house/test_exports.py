"""Public names are a promise: adding one is a decision, and so is taking one away."""

from __future__ import annotations

import importlib
import inspect

import pytest

EXPORTS = {
    "stepwell.asl": """
        Block DefinitionInvalid Diagnostic Environment Program State StateError compile create_message
        integrations validate
    """,
    "stepwell.check": """
        Component Declared Finding Least Look Program Rule check diff least look mended portability read rules
        whole
    """,
    "stepwell.durable": """
        Blob Blobs Draft Effect EffectKind Loop Outcome Performers Record Store Timer View WriteSet
    """,
    "stepwell.provision": """
        Change ClientFactory Command Diagnostic Event Observer Outcome Output Problem ProjectInvalid
        PropertyChange ProvisionError Request ResourceProgress SecretsLocked StackInUse StateDamaged
        StateForeign StateTooNew check run
    """,
    "stepwell.testing": """
        Answer Execution Mock MockConfigInvalid Stepwell StillBusy StillRunning TestingError UpFailed raises
        returns
    """,
}


@pytest.mark.parametrize("module", EXPORTS)
def test_the_public_names_are_these(module: str) -> None:
    assert sorted(importlib.import_module(module).__all__) == sorted(EXPORTS[module].split())


@pytest.mark.parametrize("module", EXPORTS)
def test_every_public_name_exists_and_says_what_it_is(module: str) -> None:
    found = importlib.import_module(module)
    things = {name: getattr(found, name) for name in found.__all__}
    assert not [
        name
        for name, thing in things.items()
        if (inspect.isclass(thing) or inspect.isfunction(thing)) and not thing.__doc__
    ]
