"""An AWS in memory: enough of each service to make, read, change and delete what the resource types need.

It stands in for boto3's clients. Every call's parameters are validated against botocore's own service models,
so that a misspelt parameter fails here as it would on AWS. Each call is recorded as (service, operation).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore import xform_name
from botocore.exceptions import ClientError, ParamValidationError
from botocore.validate import ParamValidator

from stepwell import provision
from stepwell.provision import engine
from stepwell.provision.deployment import Deployment
from stepwell.provision.registration import Registered, Registration
from stepwell.provision.report import Report
from stepwell.provision.values import UNKNOWN, Properties

ACCOUNT, REGION = "000000000000", "us-east-1"
_READS = ("Get", "List", "Head", "Describe")
_SESSION = botocore.session.Session()
_MODELS: dict[str, Any] = {}


def _model(service: str) -> Any:
    if service not in _MODELS:
        model = _SESSION.get_service_model(service)
        _MODELS[service] = {xform_name(name): model.operation_model(name) for name in model.operation_names}
    return _MODELS[service]


class FakeAws:
    """The services' state, and the calls that were made."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []
        self.things: dict[str, dict[str, Any]] = {}
        #: operation → what to raise instead of answering
        self.failures: dict[str, Exception] = {}
        #: operation → called after it took effect, before it is answered
        self.after: dict[str, Callable[[], None]] = {}
        #: called around every call that writes
        self.around_writes: Callable[[], None] = lambda: None

    def client(self, service: str) -> Any:
        return _Client(self, service)

    def writes(self) -> list[str]:
        return [operation for _, operation in self.calls if not operation.startswith(_READS)]

    def table(self, kind: str) -> dict[str, Any]:
        return self.things.setdefault(kind, {})

    def get(self, kind: str, name: str, code: str) -> Any:
        if name not in self.table(kind):
            raise _Refused(code, f"no {kind} {name}")
        return self.table(kind)[name]

    def add(self, kind: str, name: str, thing: Any, code: str) -> Any:
        if name in self.table(kind):
            raise _Refused(code, f"{kind} {name} exists")
        self.table(kind)[name] = thing
        return thing


class _Refused(Exception):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class _Client:
    def __init__(self, aws: FakeAws, service: str) -> None:
        self._aws = aws
        self._service = service

    def get_paginator(self, name: str) -> Any:
        operation = getattr(self, name)

        class Pages:
            def paginate(self, **parameters: Any) -> Iterator[Any]:
                yield operation(**parameters)

        return Pages()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        model = _model(self._service)[name]

        def call(**parameters: Any) -> Any:
            report = ParamValidator().validate(parameters, model.input_shape)
            if report.has_errors():
                raise ParamValidationError(report=report.generate_report())
            operation = model.name
            self._aws.calls.append((self._service, operation))
            if not operation.startswith(_READS):
                self._aws.around_writes()
            try:
                if operation in self._aws.failures:
                    raise self._aws.failures[operation]
                answer = _HANDLERS[f"{self._service}.{operation}"](self._aws, parameters)
            except _Refused as refused:
                raise _error(operation, refused.code, str(refused)) from refused
            if not operation.startswith(_READS):
                self._aws.around_writes()
            if operation in self._aws.after:
                self._aws.after[operation]()
            return answer if answer is not None else {}

        return call


def _error(operation: str, code: str, message: str, status: int = 400) -> ClientError:
    return ClientError(
        {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}},
        operation,
    )


def _arn(service: str, rest: str, region: str = REGION) -> str:
    return f"arn:aws:{service}:{region}:{ACCOUNT}:{rest}"


_HANDLERS: dict[str, Callable[[FakeAws, dict[str, Any]], Any]] = {}


def _on(name: str) -> Callable[[Any], Any]:
    def register(handler: Any) -> Any:
        _HANDLERS[name] = handler
        return handler

    return register


# --- S3 ---


@_on("s3.CreateBucket")
def _create_bucket(aws: FakeAws, p: dict[str, Any]) -> Any:
    aws.add("bucket", p["Bucket"], {"objects": {}, "tags": []}, "BucketAlreadyOwnedByYou")


@_on("s3.HeadBucket")
def _head_bucket(aws: FakeAws, p: dict[str, Any]) -> Any:
    aws.get("bucket", p["Bucket"], "404")


@_on("s3.DeleteBucket")
def _delete_bucket(aws: FakeAws, p: dict[str, Any]) -> Any:
    if aws.get("bucket", p["Bucket"], "NoSuchBucket")["objects"]:
        raise _Refused("BucketNotEmpty", "The bucket you tried to delete is not empty")
    del aws.table("bucket")[p["Bucket"]]


@_on("s3.PutBucketTagging")
def _put_bucket_tagging(aws: FakeAws, p: dict[str, Any]) -> Any:
    aws.get("bucket", p["Bucket"], "NoSuchBucket")["tags"] = p["Tagging"]["TagSet"]


@_on("s3.DeleteBucketTagging")
def _delete_bucket_tagging(aws: FakeAws, p: dict[str, Any]) -> Any:
    aws.get("bucket", p["Bucket"], "NoSuchBucket")["tags"] = []


@_on("s3.GetBucketTagging")
def _get_bucket_tagging(aws: FakeAws, p: dict[str, Any]) -> Any:
    return {"TagSet": aws.get("bucket", p["Bucket"], "NoSuchBucket")["tags"]}


@_on("s3.PutBucketVersioning")
def _put_versioning(aws: FakeAws, p: dict[str, Any]) -> Any:
    aws.get("bucket", p["Bucket"], "NoSuchBucket")["versioning"] = p["VersioningConfiguration"]


@_on("s3.GetBucketVersioning")
def _get_versioning(aws: FakeAws, p: dict[str, Any]) -> Any:
    return aws.get("bucket", p["Bucket"], "NoSuchBucket").get("versioning", {})


@_on("s3.PutBucketNotificationConfiguration")
def _put_notification(aws: FakeAws, p: dict[str, Any]) -> Any:
    aws.get("bucket", p["Bucket"], "NoSuchBucket")["notification"] = p["NotificationConfiguration"]


@_on("s3.GetBucketNotificationConfiguration")
def _get_notification(aws: FakeAws, p: dict[str, Any]) -> Any:
    return aws.get("bucket", p["Bucket"], "NoSuchBucket").get("notification", {})


@_on("s3.PutObject")
def _put_object(aws: FakeAws, p: dict[str, Any]) -> Any:
    aws.get("bucket", p["Bucket"], "NoSuchBucket")["objects"][p["Key"]] = p


@_on("s3.HeadObject")
def _head_object(aws: FakeAws, p: dict[str, Any]) -> Any:
    found = aws.get("bucket", p["Bucket"], "404")["objects"].get(p["Key"])
    if found is None:
        raise _Refused("404", "Not Found")
    etag = hashlib.md5(found["Body"], usedforsecurity=False).hexdigest()
    return {"ETag": f'"{etag}"', "ContentType": found.get("ContentType", "binary/octet-stream")}


@_on("s3.DeleteObject")
def _delete_object(aws: FakeAws, p: dict[str, Any]) -> Any:
    aws.get("bucket", p["Bucket"], "NoSuchBucket")["objects"].pop(p["Key"], None)


@_on("s3.ListObjectsV2")
def _list_objects(aws: FakeAws, p: dict[str, Any]) -> Any:
    return {"Contents": [{"Key": key} for key in aws.get("bucket", p["Bucket"], "NoSuchBucket")["objects"]]}


@_on("s3.DeleteObjects")
def _delete_objects(aws: FakeAws, p: dict[str, Any]) -> Any:
    for entry in p["Delete"]["Objects"]:
        aws.table("bucket")[p["Bucket"]]["objects"].pop(entry["Key"])


# --- IAM, STS ---


@_on("sts.GetCallerIdentity")
def _caller(aws: FakeAws, p: dict[str, Any]) -> Any:
    return {"Account": ACCOUNT, "Arn": _arn("iam", "root", ""), "UserId": ACCOUNT}


@_on("iam.CreateRole")
def _create_role(aws: FakeAws, p: dict[str, Any]) -> Any:
    arn = _arn("iam", f"role{p.get('Path', '/')}{p['RoleName']}", "")
    role = {**p, "Arn": arn, "RoleId": "AROA", "policies": {}, "attached": []}
    return {"Role": aws.add("role", p["RoleName"], role, "EntityAlreadyExists")}


@_on("iam.GetRole")
def _get_role(aws: FakeAws, p: dict[str, Any]) -> Any:
    role = aws.get("role", p["RoleName"], "NoSuchEntity")
    shown = {k: v for k, v in role.items() if k not in ("policies", "attached")}
    return {"Role": {**shown, "AssumeRolePolicyDocument": json.loads(role["AssumeRolePolicyDocument"])}}


@_on("iam.UpdateAssumeRolePolicy")
def _update_trust(aws: FakeAws, p: dict[str, Any]) -> Any:
    aws.get("role", p["RoleName"], "NoSuchEntity")["AssumeRolePolicyDocument"] = p["PolicyDocument"]


@_on("iam.UpdateRole")
def _update_role(aws: FakeAws, p: dict[str, Any]) -> Any:
    aws.get("role", p["RoleName"], "NoSuchEntity").update(p)


@_on("iam.DeleteRole")
def _delete_role(aws: FakeAws, p: dict[str, Any]) -> Any:
    role = aws.get("role", p["RoleName"], "NoSuchEntity")
    if role["policies"] or role["attached"]:
        raise _Refused("DeleteConflict", "Cannot delete entity, must detach all policies first.")
    del aws.table("role")[p["RoleName"]]


@_on("iam.PutRolePolicy")
def _put_role_policy(aws: FakeAws, p: dict[str, Any]) -> Any:
    aws.get("role", p["RoleName"], "NoSuchEntity")["policies"][p["PolicyName"]] = p["PolicyDocument"]


@_on("iam.GetRolePolicy")
def _get_role_policy(aws: FakeAws, p: dict[str, Any]) -> Any:
    policies = aws.get("role", p["RoleName"], "NoSuchEntity")["policies"]
    if p["PolicyName"] not in policies:
        raise _Refused("NoSuchEntity", "no such policy")
    return {**p, "PolicyDocument": json.loads(policies[p["PolicyName"]])}


@_on("iam.DeleteRolePolicy")
def _delete_role_policy(aws: FakeAws, p: dict[str, Any]) -> Any:
    policies = aws.get("role", p["RoleName"], "NoSuchEntity")["policies"]
    if policies.pop(p["PolicyName"], None) is None:
        raise _Refused("NoSuchEntity", "no such policy")


@_on("iam.ListRolePolicies")
def _list_role_policies(aws: FakeAws, p: dict[str, Any]) -> Any:
    return {"PolicyNames": list(aws.get("role", p["RoleName"], "NoSuchEntity")["policies"])}


@_on("iam.AttachRolePolicy")
def _attach(aws: FakeAws, p: dict[str, Any]) -> Any:
    attached = aws.get("role", p["RoleName"], "NoSuchEntity")["attached"]
    if p["PolicyArn"] not in attached:
        attached.append(p["PolicyArn"])


@_on("iam.DetachRolePolicy")
def _detach(aws: FakeAws, p: dict[str, Any]) -> Any:
    attached = aws.get("role", p["RoleName"], "NoSuchEntity")["attached"]
    if p["PolicyArn"] not in attached:
        raise _Refused("NoSuchEntity", "it is not attached")
    attached.remove(p["PolicyArn"])


@_on("iam.ListAttachedRolePolicies")
def _attached(aws: FakeAws, p: dict[str, Any]) -> Any:
    attached = aws.get("role", p["RoleName"], "NoSuchEntity")["attached"]
    return {"AttachedPolicies": [{"PolicyArn": arn, "PolicyName": arn.split("/")[-1]} for arn in attached]}


@_on("iam.CreatePolicy")
def _create_policy(aws: FakeAws, p: dict[str, Any]) -> Any:
    arn = _arn("iam", f"policy{p.get('Path', '/')}{p['PolicyName']}", "")
    policy = {**p, "Arn": arn, "DefaultVersionId": "v1", "versions": {"v1": p["PolicyDocument"]}}
    return {"Policy": aws.add("policy", arn, policy, "EntityAlreadyExists")}


@_on("iam.GetPolicy")
def _get_policy(aws: FakeAws, p: dict[str, Any]) -> Any:
    return {"Policy": aws.get("policy", p["PolicyArn"], "NoSuchEntity")}


@_on("iam.GetPolicyVersion")
def _get_policy_version(aws: FakeAws, p: dict[str, Any]) -> Any:
    document = aws.get("policy", p["PolicyArn"], "NoSuchEntity")["versions"][p["VersionId"]]
    return {"PolicyVersion": {"Document": json.loads(document)}}


@_on("iam.ListPolicyVersions")
def _list_policy_versions(aws: FakeAws, p: dict[str, Any]) -> Any:
    policy = aws.get("policy", p["PolicyArn"], "NoSuchEntity")
    default = policy["DefaultVersionId"]
    return {"Versions": [{"VersionId": v, "IsDefaultVersion": v == default} for v in policy["versions"]]}


@_on("iam.CreatePolicyVersion")
def _create_policy_version(aws: FakeAws, p: dict[str, Any]) -> Any:
    policy = aws.get("policy", p["PolicyArn"], "NoSuchEntity")
    if len(policy["versions"]) >= 5:
        raise _Refused("LimitExceeded", "five versions at most")
    version = f"v{max(int(v[1:]) for v in policy['versions']) + 1}"
    policy["versions"][version] = p["PolicyDocument"]
    policy["DefaultVersionId"] = version


@_on("iam.DeletePolicyVersion")
def _delete_policy_version(aws: FakeAws, p: dict[str, Any]) -> Any:
    del aws.get("policy", p["PolicyArn"], "NoSuchEntity")["versions"][p["VersionId"]]


@_on("iam.DeletePolicy")
def _delete_policy(aws: FakeAws, p: dict[str, Any]) -> Any:
    del aws.table("policy")[p["PolicyArn"]]


# --- Lambda ---


@_on("lambda.CreateFunction")
def _create_function(aws: FakeAws, p: dict[str, Any]) -> Any:
    code = hashlib.sha256(p["Code"].get("ZipFile", b"")).hexdigest()
    function = {**p, "FunctionArn": _arn("lambda", f"function:{p['FunctionName']}"), "CodeSha256": code}
    aws.add("function", p["FunctionName"], {**function, "State": "Active"}, "ResourceConflictException")


@_on("lambda.GetFunction")
def _get_function(aws: FakeAws, p: dict[str, Any]) -> Any:
    return {"Configuration": aws.get("function", p["FunctionName"], "ResourceNotFoundException")}


@_on("lambda.GetFunctionConfiguration")
def _get_configuration(aws: FakeAws, p: dict[str, Any]) -> Any:
    return aws.get("function", p["FunctionName"], "ResourceNotFoundException")


@_on("lambda.UpdateFunctionConfiguration")
def _update_configuration(aws: FakeAws, p: dict[str, Any]) -> Any:
    aws.get("function", p["FunctionName"], "ResourceNotFoundException").update(p)


@_on("lambda.UpdateFunctionCode")
def _update_code(aws: FakeAws, p: dict[str, Any]) -> Any:
    function = aws.get("function", p["FunctionName"], "ResourceNotFoundException")
    function["CodeSha256"] = hashlib.sha256(p["ZipFile"]).hexdigest()


@_on("lambda.DeleteFunction")
def _delete_function(aws: FakeAws, p: dict[str, Any]) -> Any:
    aws.get("function", p["FunctionName"], "ResourceNotFoundException")
    del aws.table("function")[p["FunctionName"]]


@_on("lambda.AddPermission")
def _add_permission(aws: FakeAws, p: dict[str, Any]) -> Any:
    name = p["FunctionName"].split(":")[-1]
    aws.get("function", name, "ResourceNotFoundException")
    statement = {"Sid": p["StatementId"], "Action": p["Action"]}
    aws.add("permission", f"{name}:{p['StatementId']}", statement, "ResourceConflictException")


@_on("lambda.GetPolicy")
def _get_function_policy(aws: FakeAws, p: dict[str, Any]) -> Any:
    name = p["FunctionName"].split(":")[-1]
    found = [s for key, s in aws.table("permission").items() if key.startswith(f"{name}:")]
    if not found:
        raise _Refused("ResourceNotFoundException", "no policy")
    return {"Policy": json.dumps({"Statement": found})}


@_on("lambda.RemovePermission")
def _remove_permission(aws: FakeAws, p: dict[str, Any]) -> Any:
    aws.table("permission").pop(f"{p['FunctionName'].split(':')[-1]}:{p['StatementId']}", None)


# --- Step Functions ---


@_on("stepfunctions.CreateStateMachine")
def _create_machine(aws: FakeAws, p: dict[str, Any]) -> Any:
    arn = _arn("states", f"stateMachine:{p['name']}")
    aws.add("machine", arn, {**p, "stateMachineArn": arn, "status": "ACTIVE"}, "StateMachineAlreadyExists")
    return {"stateMachineArn": arn}


@_on("stepfunctions.DescribeStateMachine")
def _describe_machine(aws: FakeAws, p: dict[str, Any]) -> Any:
    return aws.get("machine", p["stateMachineArn"], "StateMachineDoesNotExist")


@_on("stepfunctions.UpdateStateMachine")
def _update_machine(aws: FakeAws, p: dict[str, Any]) -> Any:
    aws.get("machine", p["stateMachineArn"], "StateMachineDoesNotExist").update(p)


@_on("stepfunctions.DeleteStateMachine")
def _delete_machine(aws: FakeAws, p: dict[str, Any]) -> Any:
    aws.table("machine").pop(p["stateMachineArn"], None)


# --- SageMaker, Logs ---


def _sagemaker(noun: str, member: str, arn_noun: str) -> None:
    name, arn = f"{member}Name", f"{member}Arn"

    def create(aws: FakeAws, p: dict[str, Any]) -> Any:
        thing = {**p, arn: _arn("sagemaker", f"{arn_noun}/{p[name]}"), "EndpointStatus": "InService"}
        aws.add(noun, p[name], thing, "ValidationException")
        aws.table("tags")[thing[arn]] = list(p.get("Tags", ()))

    def describe(aws: FakeAws, p: dict[str, Any]) -> Any:
        if p[name] not in aws.table(noun):
            raise _Refused("ValidationException", f'Could not find {noun} "{p[name]}".')
        return aws.table(noun)[p[name]]

    def delete(aws: FakeAws, p: dict[str, Any]) -> Any:
        aws.table("tags").pop(describe(aws, p)[arn], None)
        del aws.table(noun)[p[name]]

    operation = {"EndpointConfig": "EndpointConfig"}.get(member, member)
    _HANDLERS[f"sagemaker.Create{operation}"] = create
    _HANDLERS[f"sagemaker.Describe{operation}"] = describe
    _HANDLERS[f"sagemaker.Delete{operation}"] = delete


_sagemaker("model", "Model", "model")
_sagemaker("endpoint-config", "EndpointConfig", "endpoint-config")
_sagemaker("endpoint", "Endpoint", "endpoint")
_sagemaker("group", "ModelPackageGroup", "model-package-group")


@_on("sagemaker.UpdateEndpoint")
def _update_endpoint(aws: FakeAws, p: dict[str, Any]) -> Any:
    aws.get("endpoint", p["EndpointName"], "ValidationException").update(p)


@_on("sagemaker.AddTags")
def _add_tags(aws: FakeAws, p: dict[str, Any]) -> Any:
    aws.table("tags").setdefault(p["ResourceArn"], []).extend(p["Tags"])


@_on("sagemaker.DeleteTags")
def _delete_tags(aws: FakeAws, p: dict[str, Any]) -> Any:
    listed = aws.table("tags").get(p["ResourceArn"], [])
    aws.table("tags")[p["ResourceArn"]] = [t for t in listed if t["Key"] not in p["TagKeys"]]


@_on("sagemaker.ListTags")
def _list_tags(aws: FakeAws, p: dict[str, Any]) -> Any:
    return {"Tags": aws.table("tags").get(p["ResourceArn"], [])}


@_on("stepfunctions.ListTagsForResource")
def _machine_tags(aws: FakeAws, p: dict[str, Any]) -> Any:
    return {"tags": aws.get("machine", p["resourceArn"], "ResourceNotFound").get("tags", [])}


@_on("logs.ListTagsForResource")
def _group_tags(aws: FakeAws, p: dict[str, Any]) -> Any:
    return {"tags": aws.table("tags").get(p["resourceArn"], {})}


@_on("logs.CreateLogGroup")
def _create_group(aws: FakeAws, p: dict[str, Any]) -> Any:
    aws.table("tags")[_arn("logs", f"log-group:{p['logGroupName']}")] = dict(p.get("tags", {}))
    aws.add("log-group", p["logGroupName"], dict(p), "ResourceAlreadyExistsException")


@_on("logs.DescribeLogGroups")
def _describe_groups(aws: FakeAws, p: dict[str, Any]) -> Any:
    prefix = p.get("logGroupNamePrefix", "")
    found = [g for n, g in aws.table("log-group").items() if n.startswith(prefix)]
    return {"logGroups": found}


@_on("logs.PutRetentionPolicy")
def _put_retention(aws: FakeAws, p: dict[str, Any]) -> Any:
    aws.table("log-group")[p["logGroupName"]]["retentionInDays"] = p["retentionInDays"]


@_on("logs.DeleteRetentionPolicy")
def _delete_retention(aws: FakeAws, p: dict[str, Any]) -> Any:
    aws.table("log-group")[p["logGroupName"]].pop("retentionInDays", None)


@_on("logs.TagResource")
def _tag_group(aws: FakeAws, p: dict[str, Any]) -> Any:
    aws.table("tags")[p["resourceArn"]] = p["tags"]


@_on("logs.UntagResource")
def _untag_group(aws: FakeAws, p: dict[str, Any]) -> Any:
    aws.table("tags")[p["resourceArn"]] = {}


@_on("logs.DeleteLogGroup")
def _delete_group(aws: FakeAws, p: dict[str, Any]) -> Any:
    aws.get("log-group", p["logGroupName"], "ResourceNotFoundException")
    del aws.table("log-group")[p["logGroupName"]]
    aws.table("tags").pop(_arn("logs", f"log-group:{p['logGroupName']}"), None)


# --- what workflows make ---


def _made_at_run_time(operation: str, kind: str, entries: str, word: str) -> None:
    @_on(f"sagemaker.{operation}")
    def listed(aws: FakeAws, p: dict[str, Any]) -> Any:
        return {entries: [{f"{word}Name": name, f"{word}Arn": f"arn:{name}"} for name in aws.table(kind)]}


_made_at_run_time("ListEndpoints", "endpoint", "Endpoints", "Endpoint")
_made_at_run_time("ListEndpointConfigs", "endpoint-config", "EndpointConfigs", "EndpointConfig")
_made_at_run_time("ListModels", "model", "Models", "Model")
_made_at_run_time("ListTrainingJobs", "job", "TrainingJobSummaries", "TrainingJob")
_made_at_run_time("ListProcessingJobs", "processing", "ProcessingJobSummaries", "ProcessingJob")
_made_at_run_time("ListModelPackageGroups", "group", "ModelPackageGroupSummaryList", "ModelPackageGroup")


@_on("sagemaker.ListModelPackages")
def _list_packages(aws: FakeAws, p: dict[str, Any]) -> Any:
    group = p["ModelPackageGroupName"]
    return {"ModelPackageSummaryList": [{"ModelPackageArn": f"arn:{group}/1"}]}


# --- fixtures ---


@pytest.fixture
def aws() -> FakeAws:
    return FakeAws()


@pytest.fixture
def refusal() -> Callable[..., ClientError]:
    """What a client raises when the endpoint answers an error."""
    return _error


class Stack:
    """A program in a folder, and runs of it against the fake AWS."""

    def __init__(self, folder: Path, aws: FakeAws) -> None:
        self.folder = folder / "program"
        self.folder.mkdir()
        self.state = folder / "stacks"
        self.aws = aws
        self.events: list[provision.Event] = []

    def write(self, source: str, name: str = "__main__.py") -> None:
        (self.folder / name).write_text(source)

    def request(self, command: provision.Command, **changed: Any) -> provision.Request:
        asked: dict[str, Any] = {
            "command": command,
            "program": self.folder,
            "stack": "dev",
            "endpoint": "http://127.0.0.1:9",
            "access_key": "AKID",
            "secret_key": "not-a-secret",
            "region": REGION,
            "account": ACCOUNT,
            "state": self.state,
        }
        return provision.Request(**{**asked, **changed})

    def run(self, command: provision.Command, **changed: Any) -> provision.Outcome:
        self.events.clear()
        self.aws.calls.clear()
        return provision.run(self.request(command, **changed), self.events.append, clients=self.aws.client)

    def recorded(self) -> dict[str, Any]:
        return json.loads((self.state / "program" / "dev.json").read_text())


@pytest.fixture
def stack(tmp_path: Path, aws: FakeAws) -> Stack:
    return Stack(tmp_path, aws)


class Made:
    """A declared resource, as later declarations refer to it."""

    def __init__(self, answer: Registered) -> None:
        self.urn = answer.urn
        self.answer = answer

    def __getitem__(self, name: str) -> Any:
        if name == "id":
            return self.answer.id or UNKNOWN
        return self.answer.outputs.get(name, UNKNOWN)


class Declare:
    """Declares resources as the SDK does, without a process."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self.root = self("pulumi:pulumi:Stack", "program-dev", custom=False, parent="")

    def __call__(
        self,
        type_: str,
        name: str,
        properties: dict[str, Any] | None = None,
        *,
        parent: Made | str | None = None,
        custom: bool = True,
        needs: dict[str, Made] | None = None,
        secrets: tuple[str, ...] = (),
        **options: Any,
    ) -> Made:
        """`needs` says which property mentions which resource."""
        above = self.root if parent is None else parent
        mentioned = {k: (made.urn,) for k, made in (needs or {}).items()}
        asked = Registration(
            type=type_,
            name=name,
            custom=custom,
            values=Properties(values=properties or {}, secrets=frozenset(secrets)),
            parent=above if isinstance(above, str) else above.urn,
            dependencies=tuple(urn for urns in mentioned.values() for urn in urns),
            property_dependencies=mentioned,
            **options,
        )
        return Made(self.deployment.register(asked))

    def export(self, **outputs: Any) -> None:
        self.deployment.set_outputs(self.root.urn, Properties(values=outputs, secrets=frozenset()))


@pytest.fixture
def play(stack: Stack) -> Callable[..., provision.Outcome]:
    """Runs a command with a function for a program."""
    stack.write("")

    def run(
        program: Callable[[Declare], None],
        command: provision.Command = "up",
        *,
        fails: str = "",
        **asked: Any,
    ) -> provision.Outcome:
        def playing(deployment: Deployment, report: Report) -> provision.Problem | None:
            program(Declare(deployment))
            return provision.Problem(message=fails) if fails and not deployment.dry_run else None

        stack.events.clear()
        stack.aws.calls.clear()
        request = stack.request(command, **asked)
        return engine.run(request, stack.events.append, clients=stack.aws.client, play=playing)

    return run
