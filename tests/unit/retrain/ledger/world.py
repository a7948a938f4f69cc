"""A workflow's bucket and its runs on a server in memory, and the ledger asked as its machine asks."""

from __future__ import annotations

import hashlib
import itertools
import json
from dataclasses import replace
from typing import Any

from botocore.exceptions import ClientError

from stepwell.retrain.ledger import approvals, claim, handler
from stepwell.retrain.ledger.batches import Batch
from stepwell.retrain.ledger.workflow import Workflow
from stepwell.testing import Stepwell

AT = "2026-01-01T00:00:00.000Z"
COLUMNS = ["outcome", "age"]
#: a machine whose executions run until they are stopped
HOLDING = {"StartAt": "Hold", "States": {"Hold": {"Type": "Wait", "Seconds": 99_999_999, "End": True}}}
PENDING, APPROVED = "PendingManualApproval", "Approved"
_numbers = itertools.count()


class World:
    """One workflow."""

    def __init__(self, stepwell: Stepwell, **settings: Any) -> None:
        self.stepwell = stepwell
        number = next(_numbers)
        self.bucket = f"digits-{number}"
        self.group = f"digits-{number}"
        self.s3 = stepwell.client("s3")
        self.sagemaker = stepwell.client("sagemaker")
        self.states = stepwell.client("stepfunctions")
        self.s3.create_bucket(Bucket=self.bucket)
        self.s3.put_bucket_versioning(
            Bucket=self.bucket, VersioningConfiguration={"Status": settings.pop("versioning", "Enabled")}
        )
        self.sagemaker.create_model_package_group(ModelPackageGroupName=self.group)
        self.machine = stepwell.machine(self.group, HOLDING)
        self.settings = {
            "workflow": "Digits Reader",
            "bucket": self.bucket,
            "endpoint": None,
            "package_group": self.group,
            "sources": [{"prefix": "data/", "suffix": ".csv"}],
            "when": None,
            "gate": {"floor": 0.5},
            "label": "outcome",
            "columns": COLUMNS,
            "gate_code": self.uri("code/gate/"),
            "train": {
                "image": "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3",
                "hyperparameters": {"trees": "100"},
                "code": self.uri("code/train/sourcedir.tar.gz"),
                "batches": None,
            },
            **settings,
        }
        self.put("code/settings.json", json.dumps(self.settings))
        self.put("code/train/sourcedir.tar.gz", "code")
        self.workflow = Workflow(
            bucket=self.bucket,
            settings_key="code/settings.json",
            s3=self.s3,
            sagemaker=self.sagemaker,
            states=self.states,
        )

    # -- the bucket

    def uri(self, key: str) -> str:
        return f"s3://{self.bucket}/{key}"

    def put(self, key: str, body: str | bytes = "outcome,age\n1,30\n") -> dict[str, Any]:
        """Write an object; gives it as an event tells of it."""
        content = body.encode() if isinstance(body, str) else body
        made = self.s3.put_object(Bucket=self.bucket, Key=key, Body=content)
        return {
            "key": key,
            "version": made.get("VersionId"),
            "etag": made["ETag"].strip('"'),
            "size": len(content),
        }

    def document(self, key: str) -> Any:
        """What a JSON document says; None where there is none."""
        try:
            return json.loads(self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read())
        except self.s3.exceptions.NoSuchKey:
            return None

    def at(self, uri: str) -> Any:
        """What the JSON document behind an s3:// URI says."""
        return self.document(uri.removeprefix(self.uri("")))

    @property
    def holder(self) -> str | None:
        """The execution whose turn it is."""
        found = self.document(claim.KEY)
        return None if found is None else found["execution"]

    def batch(self, name: str) -> Batch:
        return self.workflow.batches.get(name)

    def status(self, name: str) -> str:
        return self.batch(name).status

    # -- runs

    def start(self) -> str:
        """An execution that runs until it is stopped."""
        return self.stepwell.start(self.machine).arn

    def stop(self, execution: str) -> None:
        self.states.stop_execution(executionArn=execution)

    def ask(self, do: str, execution: str, *, at: str = AT, **more: Any) -> dict[str, Any]:
        """The ledger's answer, through JSON as Lambda gives it."""
        event = json.loads(json.dumps({"do": do, "execution": execution, "at": at, **more}))
        return json.loads(json.dumps(handler.answer(replace(self.workflow), event)))

    def begin(self, execution: str, *objects: dict[str, Any], **given: Any) -> dict[str, Any]:
        """Begin, by an upload of `objects` or by what `given` says."""
        if objects:
            given = {"trigger": "upload", "objects": list(objects), **given}
        return self.ask("begin", execution, input=given)

    def prepare(self, run: dict[str, Any], train: int = 75, held_out: int = 25) -> None:
        """What Prepare leaves of a batch."""
        sources = {}
        for key in self.at(run["manifest"])[1:]:
            body = self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
            sources[key] = hashlib.sha256(body).hexdigest()
        digests = {file: f"{file} of {run['batch']}" for file in ("train.csv", "held-out.csv")}
        prepared = {
            "rows": train + held_out,
            "train_rows": train,
            "held_out_rows": held_out,
            "columns": COLUMNS,
            "label": "outcome",
            "sources": sources,
            "digests": digests,
        }
        self.put(f"batches/{run['batch']}/prepared.json", json.dumps(prepared))

    def planned(self, execution: str, *objects: dict[str, Any], **given: Any) -> dict[str, Any]:
        """A run up to its first gate; without objects, of one that is put now."""
        if not objects and not given:
            number = next(_numbers)
            objects = (self.put(f"data/{number}.csv", f"outcome,age\n1,{number}\n"),)
        run = self.begin(execution, *objects, **given)
        assert run["due"], run
        self.prepare(run)
        return self.ask("plan", execution, run=run)

    def judged(self, run: dict[str, Any], outcome: str, reason: str) -> dict[str, Any]:
        """A run whose gate has said so, its evidence written."""
        decision = {"outcome": outcome, "reason": reason, "sentence": f"{reason}, in a sentence."}
        key = run["evidence"].removeprefix(self.uri(""))
        self.put(key, json.dumps({"decision": decision, "released": None}))
        return {**run, "summary": {"value": {"decision": decision}}}

    def accepted(self, *objects: dict[str, Any]) -> str:
        """The name of a batch that a run of its own has brought in."""
        execution = self.start()
        run = self.judged(self.planned(execution, *objects), "DEPLOY", "NOT_WORSE")
        self.ask("close", execution, run=run, outcome="DEPLOYED")
        self.stop(execution)
        return run["batch"]

    def parked(self, asks: str = "release", **planned: Any) -> tuple[str, dict[str, Any]]:
        """An execution that waits for a person, and its run."""
        execution = self.start()
        outcome = ("QUARANTINE", "BELOW_FLOOR") if asks == "release" else ("DEPLOY", "NOT_WORSE")
        run = self.judged(self.planned(execution, **planned), *outcome)
        run = {**run, "asked": {"asks": asks}, "package": {"ModelPackageArn": self.package(PENDING)}}
        return execution, self.ask("park", execution, run=run)

    # -- packages

    def package(self, status: str = APPROVED, model_data: str | None = None) -> str:
        """Register a package of the group; gives its ARN."""
        image = self.settings["train"]["image"]
        container = {"Image": image, "ModelDataUrl": model_data or self.uri("models/m/output/model.tar.gz")}
        return self.sagemaker.create_model_package(
            ModelPackageGroupName=self.group,
            ModelApprovalStatus=status,
            InferenceSpecification={
                "Containers": [container],
                "SupportedContentTypes": ["text/csv"],
                "SupportedResponseMIMETypes": ["text/csv"],
            },
        )["ModelPackageArn"]

    def decide(self, package: str, status: str, why: str = "") -> None:
        self.sagemaker.update_model_package(
            ModelPackageArn=package, ModelApprovalStatus=status, ApprovalDescription=why
        )

    def tell(self, **event: Any) -> str | None:
        """What the approvals' function answers to an event."""
        return approvals.answer(self.workflow, event)["answered"]

    # -- other answers than the server's

    def with_(self, **clients: Any) -> World:
        """The same world, its ledger with other clients."""
        other = object.__new__(World)
        other.__dict__.update(self.__dict__)
        other.workflow = replace(self.workflow, **clients)
        return other


def released(action: str = "release") -> dict[str, str]:
    """A person's decision, as AwaitDecision's result has it."""
    return {"action": action, "by": "arn:aws:iam::000000000000:user/ada", "at": AT, "reason": "It is right."}


class Serving:
    """SageMaker with an endpoint, as its Describe operations tell it: answers by the resource's name."""

    def __init__(self, **known: dict[str, Any]) -> None:
        self.known = known

    def __getattr__(self, operation: str) -> Any:
        def describe(**named: Any) -> Any:
            (name,) = named.values()
            if name not in self.known:
                answer = {"Error": {"Code": "ValidationException", "Message": f"Could not find {name}"}}
                raise ClientError(answer, operation)
            return self.known[name]

        return describe


def endpoint(
    model_data: str, *, config: str = "config-1", status: str = "InService", package: str | None = None
) -> Serving:
    """An endpoint `digits` of one variant."""
    container = {"ModelDataUrl": model_data, **({"ModelPackageName": package} if package else {})}
    return Serving(
        **{
            "digits": {"EndpointStatus": status, "EndpointConfigName": config},
            config: {"ProductionVariants": [{"VariantName": "champion", "ModelName": "model-1"}]},
            "model-1": {"PrimaryContainer": container},
        }
    )
