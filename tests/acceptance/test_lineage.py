"""Lineage on a real server: of what boto3 made, of a run's documents, and of a whole retraining workflow."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from declaring import Program
from jobs import IMAGE, Work
from running import Running, ended, role, until

from stepwell.retrain.gate import Settings, Trial, judge
from stepwell.retrain.gate.rows import Rows
from stepwell.retrain.gate.sources import Sources
from stepwell.retrain.gate.trial import Model
from stepwell.retrain.lineage.graph import KINDS, Reference
from stepwell.retrain.lineage.reading import Reader
from stepwell.retrain.lineage.tracing import trace

SCRIPT = """
import os, pathlib
pathlib.Path(os.environ["SM_MODEL_DIR"], "model.txt").write_text("a model")
print("accuracy=0.91;")
"""


@pytest.fixture(scope="module")
def work(server: Running) -> Work:
    return Work(server, "lineage-of-models")


def put(work: Work, key: str, value: Any) -> str:
    """A JSON document in the bucket; gives its URI."""
    work.s3.put_object(Bucket=work.bucket, Key=key, Body=json.dumps(value))
    return f"s3://{work.bucket}/{key}"


def lineage(work: Work, *arguments: str, code: int = 0) -> dict[str, Any]:
    done = work.running.stepwell("lineage", *arguments, "--json")
    assert done.returncode == code, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def said(graph: dict[str, Any]) -> set[tuple[str, str, str]]:
    """The edges: result, relation, origin."""
    return {(each["to"], each["relation"], each["from"]) for each in graph["edges"]}


def facts(graph: dict[str, Any], node: str) -> dict[str, Any]:
    (found,) = (each for each in graph["nodes"] if each["id"] == node)
    return dict(found["facts"])


def tags(**more: str) -> list[dict[str, str]]:
    return [{"Key": f"stepwell:{name}", "Value": value} for name, value in more.items()]


def channel(kind: str, uri: str) -> list[dict[str, Any]]:
    return [{"ChannelName": "train", "DataSource": {"S3DataSource": {"S3DataType": kind, "S3Uri": uri}}}]


def serve(work: Work, name: str, container: dict[str, Any]) -> None:
    """A model, a configuration and an endpoint of one name."""
    variant = {
        "VariantName": "v",
        "ModelName": name,
        "InitialInstanceCount": 1,
        "InstanceType": "ml.m5.large",
    }
    work.sagemaker.create_model(ModelName=name, ExecutionRoleArn=work.role, PrimaryContainer=container)
    work.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    work.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)


def test_an_endpoint_made_by_hand_leads_to_the_rows_of_its_job_and_back(work: Work) -> None:
    work.s3.put_object(Bucket=work.bucket, Key="rows/a.csv", Body=b"1,2\n")
    rows = f"s3://{work.bucket}/rows/"
    metrics = [{"Name": "accuracy", "Regex": "accuracy=([0-9.]+);"}]
    request = work.training("by-hand-job", SCRIPT, InputDataConfig=channel("S3Prefix", rows))
    request["AlgorithmSpecification"]["MetricDefinitions"] = metrics
    request["HyperParameters"]["seed"] = "7"
    work.sagemaker.create_training_job(**request)
    job = work.trained("by-hand-job")
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    artefact = job["ModelArtifacts"]["S3ModelArtifacts"]
    serve(work, "by-hand", {"Image": IMAGE, "ModelDataUrl": artefact})
    try:
        edges = {
            ("endpoint:by-hand", "configured by", "endpoint-config:by-hand"),
            ("endpoint-config:by-hand", "serves", "model:by-hand"),
            ("model:by-hand", "trained by", "training-job:by-hand-job"),
        }
        graph = lineage(work, "by-hand")
        assert said(graph) == {
            *edges,
            ("training-job:by-hand-job", "reads (train, S3Prefix)", f"data:{rows}"),
        }
        told = facts(graph, "training-job:by-hand-job")
        assert (told["seeds"], round(told["metrics"]["accuracy"], 4)) == ({"seed": "7"}, 0.91)
        assert facts(graph, f"data:{rows}") == {"objects": [f"{rows}a.csv"]}
        assert said(lineage(work, artefact, "--forward")) == edges
    finally:
        work.sagemaker.delete_endpoint(EndpointName="by-hand")
    until(lambda: not work.sagemaker.list_endpoints(NameContains="by-hand")["Endpoints"])
    assert not lineage(work, "by-hand-job", "--forward")["edges"]
    gone = work.sagemaker.describe_model(ModelName="by-hand")["ModelArn"].replace(":model/", ":endpoint/")
    (node,) = lineage(work, gone, code=1)["nodes"]
    assert "not there" in node["missing"]


def judged(batch: str) -> dict[str, Any]:
    """Evidence of two models that agree."""
    labels = tuple(str(at % 2) for at in range(200))
    rows = Rows(
        ("x",), tuple((str(at),) for at in range(200)), labels, tuple(f"{at:016x}" for at in range(200))
    )
    given = Sources(batch=batch, packages={"numpy": "2.0.1"}, python="3.11.2")
    trial = Trial(rows, None, Model({"new": labels}), Model({"new": labels}), sources=given)
    return judge(trial, Settings(floor=0.7)).to_json()


def read_only(work: Work, package: str) -> set[tuple[str, str, str]]:
    """What is reached from a package, both ways and without gaps, with the rights that the page names."""
    page = (Path(__file__).resolve().parents[2] / "docs" / "lineage.md").read_text()
    policy = page.split("## Rights")[1].split("```json")[1].split("```")[0]
    iam = work.running.client("iam")
    iam.create_user(UserName="lineage-reader")
    iam.put_user_policy(UserName="lineage-reader", PolicyName="read", PolicyDocument=policy)
    key = iam.create_access_key(UserName="lineage-reader")["AccessKey"]
    credentials = {
        "aws_access_key_id": key["AccessKeyId"],
        "aws_secret_access_key": key["SecretAccessKey"],
    }
    source = Reader(lambda service: work.running.client(service, **credentials))
    graph = trace(Reference("model-package", package), source).to_json()
    assert not [node for node in graph["nodes"] if "missing" in node or "unknown" in node]
    for kind in ("batch", "execution"):
        assert source.names(kind, "march" if kind == "execution" else "march-0a1b2c3d")
    with pytest.raises(ClientError, match="AccessDenied"):
        work.running.client("sagemaker", **credentials).delete_model(ModelName="lineage-digits")
    return said(graph)


def test_a_workflows_package_leads_to_batches_and_evidence_also_while_its_run_waits(work: Work) -> None:
    """The documents are those that runs write; the pieces are real: a job, a package, an execution."""
    bucket, name = work.bucket, "march-0a1b2c3d"
    work.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    version = work.s3.put_object(Bucket=bucket, Key="data/march.csv", Body=b"1,2\n")["VersionId"]
    folder = f"s3://{bucket}/batches/{name}"
    evidence = put(work, "runs/march/gate-1/evidence.json", judged(name))
    states = work.running.client("stepfunctions")
    machine = states.create_state_machine(
        name="lineage-digits",
        definition=json.dumps(
            {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 9000, "End": True}}}
        ),
        roleArn=role(work.running, "lineage-digits", "states.amazonaws.com"),
    )["stateMachineArn"]
    execution = states.start_execution(
        stateMachineArn=machine, name="march", input=json.dumps({"folder": folder, "evidence": evidence})
    )["executionArn"]
    record = {"key": "data/march.csv", "version": version, "sha256": "ab"}
    put(work, f"batches/{name}/batch.json", {"name": name, "objects": [record], "execution": execution})
    manifest = put(work, "runs/march/train.manifest", [{"prefix": f"{folder}/"}, "train.csv"])
    put(work, f"batches/{name}/train.csv", 1)
    plan = {
        "execution": "march", "batch": name, "batches": [{"name": name, "digest": "cd", "rows": 1}],
        "code": {"train": "s3://", "sha256": "c0de"}, "training_job": "lineage-march",
    }  # fmt: skip
    plan_uri = put(work, "runs/march/plan.json", plan)
    job = work.train(
        "lineage-march",
        SCRIPT,
        InputDataConfig=channel("ManifestFile", manifest),
        Tags=tags(workflow="digits", execution="march", batch=name),
    )
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    work.sagemaker.create_model_package_group(ModelPackageGroupName="lineage-digits")
    artefact = job["ModelArtifacts"]["S3ModelArtifacts"]
    package = work.sagemaker.create_model_package(
        ModelPackageGroupName="lineage-digits",
        ModelApprovalStatus="Approved",
        InferenceSpecification={
            "Containers": [{"Image": IMAGE, "ModelDataUrl": artefact}],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
        CustomerMetadataProperties={
            "execution": execution, "batch": name, "plan": plan_uri, "evidence": evidence,
            "reason": "NOT_WORSE", "training-job": "lineage-march",
        },
    )["ModelPackageArn"]  # fmt: skip
    held = f"object:s3://{bucket}/data/march.csv?versionId={version}"
    made = {(f"model-package:{package}", "trained by", "training-job:lineage-march")}
    learned = {("training-job:lineage-march", "trained on", f"batch:{folder}")}
    back = {
        *made,
        *learned,
        (f"model-package:{package}", "judged by", f"evidence:{evidence}"),
        (f"model-package:{package}", "registered by", f"execution:{execution}"),
        (f"evidence:{evidence}", "judged on", f"batch:{folder}"),
        (f"execution:{execution}", "started for", f"batch:{folder}"),
        ("training-job:lineage-march", "started by", f"execution:{execution}"),
        (f"batch:{folder}", "holds", held),
    }
    for text in ("lineage-digits", "lineage-digits/1", package):
        graph = lineage(work, text, "--back")
        assert said(graph) == back
        assert not [node for node in graph["nodes"] if "missing" in node or "unknown" in node]
    assert facts(graph, "training-job:lineage-march")["code's digest"] == "sha256:c0de"
    assert facts(graph, f"evidence:{evidence}")["packages"] == {"numpy": "2.0.1"}
    serve(work, "lineage-digits", {"ModelPackageName": package})
    try:
        assert {
            *learned,
            *made,
            ("endpoint:lineage-digits", "configured by", "endpoint-config:lineage-digits"),
        } <= (said(lineage(work, name, "--forward")))
    finally:
        work.sagemaker.delete_endpoint(EndpointName="lineage-digits")
    for status in ("RUNNING", "ABORTED"):
        assert states.describe_execution(executionArn=execution)["status"] == status
        shown = work.running.stepwell("gate", "show", "march")
        assert shown.stdout.startswith("DEPLOY NOT_WORSE"), shown.stderr
        assert f"batch    {name}" in shown.stdout
        if status == "RUNNING":
            states.stop_execution(executionArn=execution)
    assert lineage(work, "march")["root"] == f"execution:{execution}"
    assert read_only(work, package) >= back
    work.s3.delete_object(Bucket=bucket, Key="data/march.csv", VersionId=version)
    missing = [node["id"] for node in lineage(work, folder)["nodes"] if "missing" in node]
    assert missing == [held]


#: a model that is the middle between two classes' means
TRAIN = """
import csv, os, pathlib
rows = []
for path in pathlib.Path(os.environ["SM_CHANNEL_TRAIN"]).rglob("*.csv"):
    with path.open() as file:
        rows += csv.DictReader(file)
means = []
for label in "01":
    values = [float(row["x"]) for row in rows if row["y"] == label]
    means.append(sum(values) / len(values))
pathlib.Path(os.environ["SM_MODEL_DIR"], "bound").write_text(str(sum(means) / 2))
"""
INFERENCE = """
import pathlib

def model_fn(folder):
    return float(pathlib.Path(folder, "bound").read_text())

def input_fn(body, content_type):
    return [float(line) for line in (body.decode() if isinstance(body, bytes) else body).split()]

def predict_fn(rows, bound):
    return [int(row > bound) for row in rows]

def output_fn(predictions, accept):
    return " ".join(map(str, predictions))
"""
WORKFLOW = f"""
from stepwell.retrain import Column, Gate, Prepare, RetrainingWorkflow, Train, Upload

flow = RetrainingWorkflow(
    "middles",
    triggers=[Upload()],
    prepare=Prepare(
        columns=[Column(name="x", type="number"), Column(name="y", type="category", values=["0", "1"])],
        label="y",
    ),
    train=Train(image="{IMAGE}", code="code", hyperparameters={{"seed": 5}}),
    gate=Gate(floor=0.7),
    force_destroy=True,
)
pulumi.export("bucket", flow.bucket)
pulumi.export("machine", flow.machine)
"""


def rows_of(month: int, labels: str) -> bytes:
    """400 rows of two classes, apart from each other, so labelled."""
    cells = [(at % 2 * 4 + (at * 37 % 100 + month) / 50, labels[at % 2]) for at in range(400)]
    return ("x,y\n" + "".join(f"{x},{y}\n" for x, y in cells)).encode()


@pytest.mark.timeout(180)
def test_a_retraining_workflows_endpoint_leads_back_to_its_batches(work: Work, program: Program) -> None:
    """And a batch forward to it; a quarantined run's evidence is shown before and after its release."""
    running = work.running
    (program.folder / "code").mkdir()
    (program.folder / "code" / "train.py").write_text(TRAIN)
    (program.folder / "code" / "inference.py").write_text(INFERENCE)
    made = program.up(WORKFLOW)["outputs"]
    states, sagemaker = running.client("stepfunctions"), work.sagemaker

    def run(month: int, name: str, labels: str) -> str:
        """Upload a batch; gives its execution."""
        work.s3.put_object(Bucket=made["bucket"], Key=f"data/{name}.csv", Body=rows_of(month, labels))
        listed = until(
            lambda: (
                (found := states.list_executions(stateMachineArn=made["machine"])["executions"])[month - 1 :]
                and found
            )
        )
        return str(listed[0]["executionArn"])

    def waiting(execution: str) -> bool:
        events = states.get_execution_history(executionArn=execution, reverseOrder=True)["events"]
        return any(each.get("stateEnteredEventDetails", {}).get("name") == "AwaitDecision" for each in events)

    first, second = (ended(running, run(at, name, "01")) for at, name in ((1, "january"), (2, "february")))
    batches = [json.loads(each["output"])["batch"] for each in (first, second)]
    graph = lineage(work, "middles", "--back")
    assert not [node for node in graph["nodes"] if "missing" in node or "unknown" in node]
    names = {kind: [each["name"] for each in graph["nodes"] if each["kind"] == kind] for kind in KINDS}
    assert sorted(names["batch"]) == sorted(batches)
    assert names["execution"] == [second["name"]]
    assert [len(names[kind]) for kind in ("training-job", "evidence", "processing-job", "object")] == [
        1,
        1,
        1,
        2,
    ]
    evidence = facts(graph, f"evidence:{json.loads(second['output'])['evidence']}")
    assert evidence["python"].startswith("3.11.") and "joblib" in evidence["packages"]
    ahead = lineage(work, batches[0], "--forward")
    assert "endpoint:middles" in {each["id"] for each in ahead["nodes"]}

    third = run(3, "march", "10")
    until(lambda: waiting(third))
    shown = running.stepwell("gate", "show", third)
    assert shown.stdout.startswith("QUARANTINE BELOW_FLOOR"), shown.stderr
    released = running.stepwell("release", third, "--reason", "the labels were wrong before")
    assert released.returncode == 0, released.stderr
    output = json.loads(ended(running, third)["output"])
    shown = running.stepwell("gate", "show", third)
    assert shown.stdout.splitlines()[1].endswith(": the labels were wrong before"), shown.stdout
    assert "remark  OVERRULED: BELOW_FLOOR: " in shown.stdout
    (decided,) = facts(lineage(work, third), f"execution:{third}")["decided"]
    assert (decided["action"], decided["reason"]) == ("release", "the labels were wrong before")
    assert output["evidence"].endswith("/gate-2/evidence.json")
    sagemaker.delete_endpoint(EndpointName="middles")
    for each in sagemaker.list_model_packages(ModelPackageGroupName="middles")["ModelPackageSummaryList"]:
        sagemaker.delete_model_package(ModelPackageName=each["ModelPackageArn"])
    program.destroy()
