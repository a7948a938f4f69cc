"""A function's settings, checked as AWS checks them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from stepwell.errors import ValidationException
from stepwell.services.lambda_.errors import InvalidParameterValueException

#: runtimes that AWS creates and updates no functions with any more (Lambda runtimes, deprecation table)
RETIRED = frozenset({"python2.7", "python3.6", "python3.7", "python3.8", "python3.9"})
#: variables that Lambda sets (developer guide, "Defined runtime environment variables")
RESERVED = frozenset(
    {
        "_HANDLER",
        "_X_AMZN_TRACE_ID",
        "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_DEFAULT_REGION",
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_LAMBDA_RUNTIME_API",
        "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "LAMBDA_RUNTIME_DIR",
        "LAMBDA_TASK_ROOT",
    }
)
#: bytes of all variables as JSON
VARIABLES_LIMIT = 4096
_ENVIRONMENT = (
    "Lambda was unable to configure your environment variables because the environment variables you have "
    "provided"
)
#: parameter → what AWS allows at most, below what the API's model does
_HIGHEST = {"Timeout": 900, "MemorySize": 10_240}
HIGHEST_STORAGE = 10_240

#: parameter → the record's field, for those that are stored as they come
_PLAIN = {
    "Runtime": "runtime",
    "Handler": "handler",
    "Role": "role",
    "Description": "description",
    "Timeout": "timeout",
    "MemorySize": "memory",
    "KMSKeyArn": "kms_key",
}


def changes(params: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of `Configuration` that the call sets, checked.

    Raises ValidationException and InvalidParameterValueException.
    """
    _check_numbers(params)
    if "Runtime" in params:
        _check_runtime(params["Runtime"])
    fields = {field: params[name] for name, field in _PLAIN.items() if params.get(name) is not None}
    if "Architectures" in params:
        fields["architectures"] = tuple(params["Architectures"])
    if "EphemeralStorage" in params:
        fields["storage"] = params["EphemeralStorage"]["Size"]
    if "Environment" in params:
        variables = dict(params["Environment"].get("Variables") or {})
        _check_variables(variables)
        fields["variables"] = variables or None
    if "TracingConfig" in params:
        fields["tracing"] = params["TracingConfig"].get("Mode", "PassThrough")
    if "DeadLetterConfig" in params:
        fields["dead_letter"] = params["DeadLetterConfig"].get("TargetArn", "")
    if "VpcConfig" in params:
        vpc = {name: value for name, value in params["VpcConfig"].items() if value is not None}
        fields["vpc"] = vpc if vpc.get("SubnetIds") else None
    if "LoggingConfig" in params:
        fields["logging"] = dict(params["LoggingConfig"])
    return fields


def _check_numbers(params: Mapping[str, Any]) -> None:
    found = [(name, params.get(name), limit) for name, limit in _HIGHEST.items()]
    found.append(
        ("EphemeralStorage.Size", (params.get("EphemeralStorage") or {}).get("Size"), HIGHEST_STORAGE)
    )
    for name, value, limit in found:
        if value is not None and value > limit:
            place = ".".join(part[:1].lower() + part[1:] for part in name.split("."))
            raise ValidationException(
                f"1 validation error detected: Value '{value}' at '{place}' failed to satisfy constraint: "
                f"Member must have value less than or equal to {limit}"
            )


def _check_runtime(runtime: str) -> None:
    if runtime in RETIRED:
        raise InvalidParameterValueException(
            f"The runtime parameter of {runtime} is no longer supported for creating or updating AWS Lambda "
            "functions. We recommend you use a supported runtime while creating or updating functions."
        )
    if not re.fullmatch(r"python3\.\d+", runtime):
        raise InvalidParameterValueException(
            f"Stepwell runs functions in Python only: the runtime {runtime} is not supported"
        )


def _check_variables(variables: Mapping[str, str]) -> None:
    taken = [name for name in variables if name in RESERVED]
    if taken:
        raise InvalidParameterValueException(
            f"{_ENVIRONMENT} contains reserved keys that are currently not supported for modification. "
            f"Reserved keys used in this request: {', '.join(taken)}"
        )
    text = json.dumps(variables, separators=(",", ":"), ensure_ascii=False)
    if len(text.encode(errors="replace")) > VARIABLES_LIMIT:
        raise InvalidParameterValueException(
            f"{_ENVIRONMENT} exceeded the 4KB limit. String measured: {text}"
        )
