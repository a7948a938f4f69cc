"""What AWS would refuse or not do, though it goes here: `check --target aws`, and the last line of `up`."""

from __future__ import annotations

import ast
import re
import sys
import zlib
from collections.abc import Iterator

from stepwell.check.code import Package, package
from stepwell.check.functions import FUNCTION, handlers
from stepwell.check.json_values import document
from stepwell.check.program import Program
from stepwell.check.resources import Declared
from stepwell.check.rules import Fault, Rule
from stepwell.check.sources import Place
from stepwell.check.values import Literal, Object, Path, Text, Value, known, text, walk
from stepwell.check.windows import instance_ids

_MEGABYTE = 1 << 20
#: a package as it is uploaded, and unpacked together with its layers (AWS Lambda quotas)
_ZIPPED = 50 * _MEGABYTE
_UNZIPPED = 250 * _MEGABYTE
#: what Lambda's Python runtimes have beside the standard library
_RUNTIME = frozenset(
    ["boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six", "awslambdaric"]
)
_REGION = r"(?:us|eu|ap|sa|ca|me|af|il|mx|cn)(?:-gov)?-(?:central|(?:north|south)?(?:east|west)?)-\d"
_ECR = re.compile(
    rf"\d{{12}}\.dkr\.ecr(?:-fips)?\.({_REGION})\.amazonaws\.com(?:\.cn)?/[\w./-]+(?:[:@][\w.:+-]+)?"
)
_PUBLIC = re.compile(r"public\.ecr\.aws/.+")
_ARN = re.compile(rf"arn:aws[\w-]*:[\w-]+:({_REGION})?:(\d{{12}})?:.+")
_REGION_ALONE = re.compile(_REGION)
_LOCAL = re.compile(r"\b(localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\])\b|^file://|^stepwell:", re.IGNORECASE)
#: keys that hold images, in definitions and in resources' blocks
_IMAGES = frozenset(
    (
        "Image",
        "TrainingImage",
        "ImageUri",
        "image",
        "imageUri",
        "image_uri",
        "trainingImage",
        "training_image",
    )
)
#: documents among properties
_DOCUMENTS = ("definition", "policy", "assumeRolePolicy", "inlinePolicies")


def _texts(program: Program) -> Iterator[tuple[Declared, str, Path, Literal, str]]:
    """All strings of all properties that are known as a whole, in documents and in blocks."""
    for resource in program.resources:
        for name, value in resource.properties.items():
            opened = document(value) if name in _DOCUMENTS else None
            pieces: set[int] = set()
            for path, part in walk(opened if opened is not None else value):
                if isinstance(part, Text):
                    pieces.update(id(known(piece)) for piece in part.parts)
                found = text(part) if isinstance(part, Literal) else None
                if isinstance(part, Literal) and found is not None and id(part) not in pieces:
                    yield resource, name, path, part, found


def _size(program: Program) -> Iterator[Fault]:
    for function in program.of(FUNCTION):
        found = package(program, function)
        if found is None:
            continue
        total = sum(size for _, size in found.files.values())
        zipped = found.zipped if found.zipped is not None else _compressed(found, total)
        for what, size, most in (("unpacked", total, _UNZIPPED), ("zipped", zipped, _ZIPPED)):
            if size > most:
                yield Fault(
                    place=function.at("code"),
                    message=f"the code of {function.label} has {size // _MEGABYTE} MB {what}; "
                    f"Lambda takes {most // _MEGABYTE}",
                )


def _compressed(found: Package, total: int) -> int:
    """About the size of the package's zip; worked out only where it could be too large."""
    if not _ZIPPED < total <= _UNZIPPED:
        return 0
    return sum(len(zlib.compress(read(), 6)) for read, _ in found.files.values())


def region_of(program: Program) -> str | None:
    """The one region that the program's configuration names, or None."""
    named = set()
    for file in sorted(program.folder.glob("Pulumi*.y*ml")):
        named.update(
            re.findall(r"^\s*aws:region:\s*['\"]?([\w-]+)", file.read_text("utf-8", "replace"), re.MULTILINE)
        )
    return named.pop() if len(named) == 1 else None


def _images(program: Program) -> Iterator[Fault]:
    region = region_of(program)
    for resource, name, path, part, found in _texts(program):
        key = str(path[-1]) if path else name
        if key not in _IMAGES or found.startswith(("$", "{%")) or part.fallback:
            continue
        match = _ECR.fullmatch(found)
        if match is None and not _PUBLIC.fullmatch(found) and "amazonaws.com" not in found:
            yield Fault(
                place=part.place,
                message=f"{resource.label} names the image {found!r}, which only this machine has",
            )
        elif match is not None and region is not None and match[1] != region:
            yield Fault(
                place=part.place,
                message=f"{resource.label}'s image is in {match[1]}, the program in {region}",
                mend="Put the program's region into the URI, and the registry's account there.",
            )


def _imports(program: Program) -> Iterator[Fault]:
    for function, found, file, _ in handlers(program):
        if found.open or found.absent or function.given("layers"):
            continue
        own = {each.partition("/")[0].removesuffix(".py") for each in found.files}
        waiting, seen = [file], set[str]()
        while waiting:
            module = waiting.pop()
            if module in seen or module not in found.files:
                continue
            seen.add(module)
            for name in _imported(found.text(module) or ""):
                if name in own:
                    waiting += [f"{name}.py"]
                elif name not in sys.stdlib_module_names and name not in _RUNTIME:
                    named = "requirements.txt" in found.files
                    where = " (Lambda installs no requirements.txt)" if named else ""
                    yield Fault(
                        place=function.at("code"),
                        message=f"{module} of {function.label} imports {name}, "
                        f"which its package lacks{where}",
                    )


def _imported(source: str) -> Iterator[str]:
    """The modules that must be there for a module to be imported: not those whose absence it catches."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield node.module.partition(".")[0]
        elif not isinstance(node, ast.Try):
            waiting += ast.iter_child_nodes(node)


def _arns(program: Program) -> Iterator[Fault]:
    for resource, _, _, part, found in _texts(program):
        match = _ARN.fullmatch(found)
        if match is not None and (match[1] or match[2]) and not part.fallback:
            yield Fault(
                place=part.place,
                message=f"{resource.label} names {found}, which is in one account and region",
            )


def _identities(program: Program) -> Iterator[Fault]:
    for resource, name, _, part, found in _texts(program):
        if part.fallback or name == "tags":
            continue
        if re.fullmatch(r"\d{12}", found):
            yield Fault(
                place=part.place,
                message=f"{resource.label} names the account {found}",
                mend="Ask for it: `aws.get_caller_identity().account_id`.",
            )
        elif _REGION_ALONE.fullmatch(found):
            yield Fault(
                place=part.place,
                message=f"{resource.label} names the region {found}",
                mend="Ask for it: `aws.get_region().region`; set it by `pulumi config set aws:region`.",
            )


def _server(program: Program) -> Iterator[Fault]:
    for resource, name, path, part, found in _texts(program):
        match = _LOCAL.search(found)
        # a tag's key may be called after Stepwell
        if match is not None and name not in ("description", "code") and path[-1:] != ("Key",):
            yield Fault(
                place=part.place,
                message=f"{resource.label} names `{match[0]}`: on AWS nothing answers there",
            )
    for function, found_code, file, _ in handlers(program):
        for line, url in _endpoints(found_code.text(file) or ""):
            yield Fault(
                place=function.at("code"),
                message=f"{function.label} sends its calls to {url} at {file}:{line}",
                mend="Leave `endpoint_url` out: the SDK finds its endpoints, here and on AWS.",
            )


def _endpoints(source: str) -> Iterator[tuple[int, str]]:
    """The endpoints that a module names for its clients, each with its line."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg == "endpoint_url":
            value = node.value
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                yield value.lineno, value.value


def _instances(program: Program) -> Iterator[Fault]:
    for value, instance in instance_ids(program):
        yield Fault(
            place=value.place,
            message=f"the instance {instance} is one of this account and region, or an alias",
        )


def _buckets(program: Program) -> Iterator[Fault]:
    for bucket in program.of("aws:s3/bucket:Bucket", "aws:s3/bucketV2:BucketV2"):
        value = bucket.get("bucket")
        if isinstance(value, Literal) and isinstance(value.value, str) and not value.fallback:
            yield Fault(
                place=bucket.at("bucket"),
                message=f"the bucket name {value.value!r} may be taken by anyone on AWS",
            )


def _environment(program: Program) -> Iterator[Fault]:
    """Variables that Lambda reserves (Developer Guide, "Defined runtime environment variables")."""
    for function in program.of(FUNCTION):
        variables = function.get("environment", "variables")
        for name in getattr(variables, "entries", {}):
            if name in RESERVED:
                yield Fault(
                    place=_key(variables, name, function),
                    message=f"Lambda sets {name} itself, and refuses it",
                )


def _key(variables: Value | None, name: str, function: Declared) -> Place:
    keys = variables.keys if isinstance(variables, Object) else {}
    return keys.get(name, function.at("environment"))


RESERVED = frozenset(
    [
        "_HANDLER",
        "_X_AMZN_TRACE_ID",
        "AWS_REGION",
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_LAMBDA_RUNTIME_API",
        "LAMBDA_TASK_ROOT",
        "LAMBDA_RUNTIME_DIR",
    ]
)

RULES = (
    Rule(
        code="SW1001",
        title="package over Lambda's limits",
        severity="error",
        why="AWS refuses the upload.",
        mend="Take out what the function doesn't need, or make it a container image.",
        find=_size,
    ),
    Rule(
        code="SW1002",
        title="image that AWS doesn't have",
        severity="error",
        why="SageMaker pulls images from ECR in its own region.",
        mend="Push the image to ECR, and name it from the configuration.",
        find=_images,
    ),
    Rule(
        code="SW1003",
        title="import that only this machine has",
        severity="error",
        why="On AWS the function fails with Runtime.ImportModuleError.",
        mend="Put the module into the package, or into a layer.",
        find=_imports,
    ),
    Rule(
        code="SW1004",
        title="literal ARN",
        severity="warning",
        why="In another account or region there is no such resource.",
        mend="Take it from the resource (`.arn`), from a `get_...` function or from the configuration.",
        find=_arns,
    ),
    Rule(
        code="SW1005",
        title="literal account or region",
        severity="warning",
        why="The program goes to one account and region only.",
        mend="Ask for it, or take it from the configuration.",
        find=_identities,
    ),
    Rule(
        code="SW1006",
        title="address of this machine",
        severity="error",
        why="What lives in the server's own configuration isn't on AWS.",
        mend="Name what AWS has: an S3 URI, an ARN; SDKs find their endpoints themselves.",
        find=_server,
    ),
    Rule(
        code="SW1007",
        title="instance by its id",
        severity="warning",
        why="Here an alias may stand for it; on AWS it must be a managed instance of the account.",
        mend="Take the id from the configuration, or target by tag.",
        find=_instances,
    ),
    Rule(
        code="SW1008",
        title="bucket name that may be taken",
        severity="warning",
        why="Bucket names are unique worldwide; CreateBucket answers BucketAlreadyExists.",
        mend="Put account and region into the name, or leave it to Pulumi.",
        find=_buckets,
    ),
    Rule(
        code="SW1009",
        title="variable that Lambda reserves",
        severity="error",
        why="CreateFunction answers InvalidParameterValueException.",
        mend="Give the variable another name.",
        find=_environment,
    ),
)
