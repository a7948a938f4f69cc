"""What functions call through boto3, as far as their source tells."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from botocore import xform_name
from botocore.session import Session

from stepwell.check.code import Package

#: boto3's name of a service → the prefix of its actions in IAM, where they differ
_PREFIXES = {
    "stepfunctions": "states",
    "sagemaker-runtime": "sagemaker",
    "cloudwatch": "cloudwatch",
    "s3control": "s3",
    "dynamodbstreams": "dynamodb",
    "lambda": "lambda",
}
#: methods whose right is not called as they are (S3: Service Authorization Reference)
_RIGHTS = {
    ("s3", "head_object"): "s3:GetObject",
    ("s3", "download_file"): "s3:GetObject",
    ("s3", "download_fileobj"): "s3:GetObject",
    ("s3", "upload_file"): "s3:PutObject",
    ("s3", "upload_fileobj"): "s3:PutObject",
    ("s3", "list_objects"): "s3:ListBucket",
    ("s3", "list_objects_v2"): "s3:ListBucket",
    ("s3", "head_bucket"): "s3:ListBucket",
    ("s3", "delete_objects"): "s3:DeleteObject",
    ("s3", "copy_object"): "s3:GetObject",
    ("s3", "copy"): "s3:GetObject",
    ("lambda", "invoke"): "lambda:InvokeFunction",
    ("lambda", "invoke_async"): "lambda:InvokeFunction",
}
#: needed by nobody, or not asked for where boto3 is
_FREE = {"sts:GetCallerIdentity", "sts:GetSessionToken"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """One call of an AWS operation in a function's source."""

    #: `sagemaker:CreateTrainingJob`
    action: str
    #: the file in the package, and its line
    file: str
    line: int


def uses(package: Package, file: str) -> Iterator[Use]:
    """The operations that a module of a package calls by clients that it makes itself."""
    text = package.text(file)
    try:
        tree = ast.parse(text or "")
    except (SyntaxError, ValueError, RecursionError):
        return
    clients = _clients(tree)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        service = _service(node.func.value, clients)
        action = _action(service, node.func.attr) if service is not None else None
        if action is not None and action not in _FREE:
            yield Use(action=action, file=file, line=node.lineno)


def _clients(tree: ast.Module) -> dict[str, str]:
    """Variables that hold a client, by the name of its service."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            service = _service(node.value, {})
            for target in node.targets if service is not None else ():
                found[ast.unparse(target)] = service or ""
    return found


def _service(node: ast.expr, clients: dict[str, str]) -> str | None:
    """The service of a client: a variable that holds one, or `boto3.client("s3")` itself."""
    if isinstance(node, ast.Name | ast.Attribute):
        return clients.get(ast.unparse(node))
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute | ast.Name):
        return None
    called = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
    first = node.args[0] if node.args else None
    if called != "client" or not isinstance(first, ast.Constant) or not isinstance(first.value, str):
        return None
    return first.value


def _action(service: str, method: str) -> str | None:
    if (service, method) in _RIGHTS:
        return _RIGHTS[service, method]
    operation = _operations(service).get(method)
    return None if operation is None else f"{_PREFIXES.get(service, service)}:{operation}"


@cache
def _operations(service: str) -> dict[str, str]:
    """A client's methods and the operations that they call."""
    session = Session()
    if service not in session.get_available_services():
        return {}
    names = session.get_service_model(service).operation_names
    return {xform_name(each): each for each in names}
