"""Labels: users' names for versions, each on one version of a parameter at a time."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from stepwell.api.operations import Operation, Right, words
from stepwell.calls import Call
from stepwell.durable import Draft
from stepwell.errors import ValidationException
from stepwell.services.ssm.errors import (
    ParameterNotFound,
    ParameterVersionLabelLimitExceeded,
    ParameterVersionNotFound,
)
from stepwell.services.ssm.parameters import names
from stepwell.services.ssm.parameters.reading import versions
from stepwell.services.ssm.parameters.records import Parameter, ParameterVersion, version_key

#: labels of one version
MOST = 10
_LABEL = re.compile(r"(?!\d|(?i:aws|ssm))[a-zA-Z0-9_.-]{1,100}")


def _version(draft: Draft, name: str, number: int | None) -> ParameterVersion:
    known = draft.get(Parameter, name)
    if known is None:
        raise ParameterNotFound(f"Parameter {name} not found.")
    number = known.version if number is None else number
    found = draft.get(ParameterVersion, version_key(name, number))
    if found is None:
        raise ParameterVersionNotFound(
            f"Systems Manager could not find version {number} of {name}. Verify the version and try again."
        )
    return found


def _label(call: Call, draft: Draft) -> Mapping[str, Any]:
    params = call.params
    asked: Sequence[str] = params["Labels"]
    for label in asked:
        if len(label) > 100:
            raise ValidationException("Label can't be longer than 100 characters.")
    target = _version(draft, params["Name"], params.get("ParameterVersion"))
    valid = [label for label in dict.fromkeys(asked) if _LABEL.fullmatch(label)]
    labels = tuple(dict.fromkeys((*target.labels, *valid)))
    if len(labels) > MOST:
        raise ParameterVersionLabelLimitExceeded(
            "An error occurred (ParameterVersionLabelLimitExceeded) when calling the LabelParameterVersion "
            "operation: A parameter version can have maximum 10 labels."
            "Move one or more labels to another version and try again."
        )
    for other in list(versions(draft, target.name)):
        if other.version != target.version and set(other.labels) & set(valid):
            draft.put(replace(other, labels=tuple(each for each in other.labels if each not in valid)))
    draft.put(replace(target, labels=labels))
    return {
        "InvalidLabels": [label for label in asked if label not in valid],
        "ParameterVersion": target.version,
    }


def _unlabel(call: Call, draft: Draft) -> Mapping[str, Any]:
    params = call.params
    target = _version(draft, params["Name"], params["ParameterVersion"])
    asked = list(dict.fromkeys(params["Labels"]))
    draft.put(replace(target, labels=tuple(label for label in target.labels if label not in asked)))
    return {
        "RemovedLabels": [label for label in asked if label in target.labels],
        "InvalidLabels": [label for label in asked if label not in target.labels],
    }


OPERATIONS = (
    Operation(
        name="LabelParameterVersion",
        rights=(Right(action="ssm:LabelParameterVersion", resource=names.of_name),),
        honoured=words("Name ParameterVersion Labels"),
        decide=_label,
    ),
    Operation(
        name="UnlabelParameterVersion",
        rights=(Right(action="ssm:UnlabelParameterVersion", resource=names.of_name),),
        honoured=words("Name ParameterVersion Labels"),
        decide=_unlabel,
    ),
)
