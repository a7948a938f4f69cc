"""The protocol's messages, as SDKs old and new send them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import alias_pb2, engine_pb2, engine_pb2_grpc, resource_pb2, resource_pb2_grpc

from stepwell.provision import project, state
from stepwell.provision.cloud import Cloud
from stepwell.provision.deployment import Deployment
from stepwell.provision.monitor import Engine, Monitor, served
from stepwell.provision.progress import Diagnostic
from stepwell.provision.report import Report

LOGS = "aws:cloudwatch/logGroup:LogGroup"


@pytest.fixture
def events() -> list[Any]:
    return []


@pytest.fixture
def report(events: list[Any]) -> Report:
    return Report("apply", events.append)


@pytest.fixture
def channel(tmp_path: Path, aws: Any, report: Report) -> Any:
    """A channel to a served deployment that applies."""
    (tmp_path / "__main__.py").write_text("")
    fresh = state.new(project="p", stack="dev", account="0" * 12, region="us-east-1", server="")
    deployment = Deployment(
        project="p",
        stack="dev",
        folder=tmp_path,
        cloud=Cloud(endpoint="http://127.0.0.1:9", account="0" * 12, region="us-east-1", clients=aws.client),
        state=state.StackState(None, fresh),
        report=report,
        dry_run=False,
    )
    monitor = Monitor(deployment, project.read(tmp_path, "dev"), stack="dev", parallel=4)
    with served(monitor, Engine(report), parallel=4) as address, grpc.insecure_channel(address) as opened:
        yield opened


def test_only_the_features_that_are_there_are_advertised(channel: Any) -> None:
    """Current SDKs ask once, older ones feature by feature; the answers agree."""
    stub = resource_pb2_grpc.ResourceMonitorStub(channel)
    info = stub.GetDeploymentInfo(empty_pb2.Empty())
    assert (info.stack, info.dryRun, sorted(info.supportedFeatures)) == ("dev", False, [0, 3, 4, 5, 6, 7, 8])
    old = {
        name: stub.SupportsFeature(resource_pb2.SupportsFeatureRequest(id=name)).hasSupport
        for name in ("secrets", "aliasSpecs", "transforms", "resourceHooks", "outputValues", "deletedWith")
    }
    assert [name for name, has in old.items() if has] == [
        "secrets",
        "aliasSpecs",
        "transforms",
        "deletedWith",
    ]


def test_what_is_not_there_is_answered_as_unimplemented(channel: Any) -> None:
    """An SDK then says so, and doesn't hang."""
    stub = resource_pb2_grpc.ResourceMonitorStub(channel)
    with pytest.raises(grpc.RpcError) as raised:
        stub.RegisterPackage(resource_pb2.RegisterPackageRequest(name="x"))
    assert raised.value.code() == grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"envVarMappings": {"a": "b"}}, "the env_var_mappings option"),
        ({"remote": True}, "remote components"),
        ({"customTimeouts": {"create": "soon"}}, "create is 'soon'"),
    ],
)
def test_unsupported_options_are_refused_by_name(
    channel: Any, events: list[Any], asked: dict[str, Any], words: str
) -> None:
    """The resource fails; an SDK that can't be told so gets an error."""
    stub = resource_pb2_grpc.ResourceMonitorStub(channel)
    request = resource_pb2.RegisterResourceRequest(type=LOGS, name="g", custom=True, **asked)
    with pytest.raises(grpc.RpcError) as raised:
        stub.RegisterResource(request)
    assert raised.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    request.name, request.supportsResultReporting = "h", True
    assert stub.RegisterResource(request).result == resource_pb2.Result.FAIL
    assert words in events[-1].message


def test_a_resource_is_registered_with_all_its_options(channel: Any, aws: Any) -> None:
    """Properties out, URN, id and outputs back; secrets wear their signature."""
    stub = resource_pb2_grpc.ResourceMonitorStub(channel)
    request = resource_pb2.RegisterResourceRequest(
        type=LOGS,
        name="g",
        custom=True,
        protect=True,
        additionalSecretOutputs=["arn"],
        aliases=[alias_pb2.Alias(spec=alias_pb2.Alias.Spec(name="former"))],
        supportsResultReporting=True,
    )
    request.object.update({"name": "/g", "retentionInDays": 7})
    answer = stub.RegisterResource(request)
    assert (answer.urn, answer.id) == (f"urn:pulumi:dev::p::{LOGS}::g", "/g")
    assert answer.object["retentionInDays"] == 7
    assert answer.object["arn"]["value"] == "arn:aws:logs:us-east-1:000000000000:log-group:/g"
    assert aws.table("log-group")["/g"]["retentionInDays"] == 7


def test_a_refused_part_of_a_package_s_component_is_told_at_the_program_s_line(
    channel: Any, report: Report, tmp_path: Path
) -> None:
    """The line is the innermost of the program's own, not the package's."""
    stub = resource_pb2_grpc.ResourceMonitorStub(channel)
    request = resource_pb2.RegisterResourceRequest(
        type=LOGS, name="g", custom=True, supportsResultReporting=True
    )
    request.sourcePosition.uri, request.sourcePosition.line = "file:///lib/site-packages/acme.py", 7
    lines = [
        ("file:///lib/site-packages/acme.py", 7),
        (f"file://{tmp_path}/.venv/site-packages/acme.py", 3),
        (f"file://{tmp_path}/parts.py", 5),
        (f"file://{tmp_path}/__main__.py", 9),
    ]
    for uri, line in lines:
        request.stackTrace.frames.add().pc.uri = uri
        request.stackTrace.frames[-1].pc.line = line
    request.object.update({"retentionInDays": "often", "unknown": 1})
    stub.RegisterResource(request)
    assert {problem.declared for problem in report.problems} == {f"{tmp_path}/parts.py:5"}


def test_the_programs_log_arrives_without_the_sdks_traces(channel: Any, events: list[Any]) -> None:
    """Debug lines are the SDK's own, a dozen per resource."""
    stub = engine_pb2_grpc.EngineStub(channel)
    for severity, text in ((engine_pb2.DEBUG, "trace"), (engine_pb2.WARNING, "careful")):
        stub.Log(engine_pb2.LogRequest(severity=severity, message=text, urn="u"))
    assert events == [Diagnostic(phase="apply", severity="warning", message="careful", urn="u")]


def test_older_sdks_keep_their_root_resource_here(channel: Any) -> None:
    """What is set is what is got."""
    stub = engine_pb2_grpc.EngineStub(channel)
    stub.SetRootResource(engine_pb2.SetRootResourceRequest(urn="urn:root"))
    assert stub.GetRootResource(engine_pb2.GetRootResourceRequest()).urn == "urn:root"
