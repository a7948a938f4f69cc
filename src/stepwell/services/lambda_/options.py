"""What a function has beside its settings: reserved concurrency, tags, and AWS's defaults of the rest."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from stepwell.api.operations import Operation, Right, words
from stepwell.calls import Call
from stepwell.durable import Draft, View
from stepwell.services.lambda_ import names
from stepwell.services.lambda_.errors import InvalidParameterValueException
from stepwell.services.lambda_.functions import put
from stepwell.services.lambda_.names import rights
from stepwell.services.lambda_.records import Function, configuration, find

#: invocations at once of an account, and those that no function may reserve (Lambda quotas)
ACCOUNT_LIMIT = 1000
UNRESERVED = 100
TAGS_LIMIT = 50


def _function(call: Call, view: View) -> Function:
    return find(view, names.of(call.params, view))


def put_function_concurrency(call: Call, draft: Draft) -> dict[str, Any]:
    function, wanted = _function(call, draft), call.params["ReservedConcurrentExecutions"]
    others = sum(each.reserved or 0 for each in draft.scan(Function) if each.name != function.name)
    if others + wanted > ACCOUNT_LIMIT - UNRESERVED:
        raise InvalidParameterValueException(
            "Specified ReservedConcurrentExecutions for function decreases account's "
            f"UnreservedConcurrentExecution below its minimum value of [{UNRESERVED}]."
        )
    put(draft, replace(function, reserved=wanted))
    return {"ReservedConcurrentExecutions": wanted}


def get_function_concurrency(call: Call, view: View) -> dict[str, Any]:
    reserved = _function(call, view).reserved
    return {} if reserved is None else {"ReservedConcurrentExecutions": reserved}


def delete_function_concurrency(call: Call, draft: Draft) -> None:
    put(draft, replace(_function(call, draft), reserved=None))


def _tagged(call: Call, view: View) -> Function:
    named = names.parse(call.params["Resource"], None, view)
    if named.qualifier is not None:
        raise InvalidParameterValueException(
            "Tags on function aliases and versions are not supported. Please specify a function ARN."
        )
    return find(view, named)


def tag_resource(call: Call, draft: Draft) -> None:
    function = _tagged(call, draft)
    tags = {**function.tags, **call.params["Tags"]}
    if len(tags) > TAGS_LIMIT:
        raise InvalidParameterValueException(f"A function has {TAGS_LIMIT} tags at most.")
    put(draft, replace(function, tags=tags))


def untag_resource(call: Call, draft: Draft) -> None:
    function = _tagged(call, draft)
    gone = set(call.params["TagKeys"])
    put(
        draft, replace(function, tags={key: value for key, value in function.tags.items() if key not in gone})
    )


def list_tags(call: Call, view: View) -> dict[str, Any]:
    return {"Tags": dict(_tagged(call, view).tags)}


def get_function_code_signing_config(call: Call, view: View) -> dict[str, Any]:
    """No function is signed."""
    return {"FunctionName": _function(call, view).name}


def get_function_recursion_config(call: Call, view: View) -> dict[str, Any]:
    """AWS's default. Loops are not looked for."""
    _function(call, view)
    return {"RecursiveLoop": "Terminate"}


def get_runtime_management_config(call: Call, view: View) -> dict[str, Any]:
    """AWS's default: runtimes are the machine's Pythons."""
    named = names.of(call.params, view)
    configuration(view, find(view, named), named)
    return {"UpdateRuntimeOn": "Auto", "FunctionArn": named.arn(view)}


def _on_resource(action: str) -> tuple[Right, ...]:
    return (Right(action=f"lambda:{action}", resource="{Resource}"),)


OPERATIONS = (
    Operation(
        name="PutFunctionConcurrency",
        rights=rights("PutFunctionConcurrency"),
        honoured=words("FunctionName ReservedConcurrentExecutions"),
        decide=put_function_concurrency,
    ),
    Operation(
        name="GetFunctionConcurrency",
        rights=rights("GetFunctionConcurrency"),
        honoured=words("FunctionName"),
        read=get_function_concurrency,
    ),
    Operation(
        name="DeleteFunctionConcurrency",
        rights=rights("DeleteFunctionConcurrency"),
        honoured=words("FunctionName"),
        decide=delete_function_concurrency,
    ),
    Operation(
        name="TagResource",
        rights=_on_resource("TagResource"),
        honoured=words("Resource Tags"),
        decide=tag_resource,
    ),
    Operation(
        name="UntagResource",
        rights=_on_resource("UntagResource"),
        honoured=words("Resource TagKeys"),
        decide=untag_resource,
    ),
    Operation(name="ListTags", rights=_on_resource("ListTags"), honoured=words("Resource"), read=list_tags),
    Operation(
        name="GetFunctionCodeSigningConfig",
        rights=rights("GetFunctionCodeSigningConfig"),
        honoured=words("FunctionName"),
        read=get_function_code_signing_config,
    ),
    Operation(
        name="GetFunctionRecursionConfig",
        rights=rights("GetFunctionRecursionConfig"),
        honoured=words("FunctionName"),
        read=get_function_recursion_config,
    ),
    Operation(
        name="GetRuntimeManagementConfig",
        rights=rights("GetRuntimeManagementConfig"),
        honoured=words("FunctionName Qualifier"),
        read=get_runtime_management_config,
    ),
)
