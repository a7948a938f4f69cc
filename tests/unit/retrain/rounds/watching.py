"""A workflow's monitor on a server in memory: its machine and function are real, its champion is not."""

from __future__ import annotations

import itertools
import json
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from stepwell.retrain.machine.monitoring import MonitorMachine, definition
from stepwell.retrain.machine.states import Job
from stepwell.retrain.rounds import handler, standing
from stepwell.retrain.rounds.handler import Monitor
from stepwell.testing import Execution, Stepwell

CROSSING = {"measure": "psi", "column": "age", "value": 0.7, "cross": 0.2, "rearm": 0.1}
_numbers = itertools.count()


class Champion:
    """SageMaker, as far as rounds ask it: what serves, and where that comes from."""

    def __init__(self, plan: str) -> None:
        self.answers: dict[str, Any] = {
            "endpoint": {"EndpointStatus": "InService", "EndpointConfigName": "digits-1"},
            "config": {"ProductionVariants": [{"ModelName": "digits-1"}]},
            "model": {"ModelName": "digits-1", "PrimaryContainer": {"ModelPackageName": "digits/1"}},
            "package": {"CustomerMetadataProperties": {"plan": plan}},
        }

    def describe_endpoint(self, **asked: Any) -> Any:
        if self.answers["endpoint"] is None:
            error = {"Code": "ValidationException", "Message": 'Could not find endpoint "digits".'}
            raise ClientError({"Error": error}, "DescribeEndpoint")
        return self.answers["endpoint"]

    def describe_endpoint_config(self, **asked: Any) -> Any:
        return self.answers["config"]

    def describe_model(self, **asked: Any) -> Any:
        return self.answers["model"]

    def describe_model_package(self, **asked: Any) -> Any:
        return self.answers["package"]


class Watching:
    """One monitor."""

    def __init__(self, stepwell: Stepwell) -> None:
        self.stepwell, self.s3 = stepwell, stepwell.client("s3")
        name = f"digits-{next(_numbers)}"
        self.bucket = name
        self.s3.create_bucket(Bucket=self.bucket)
        self.put("runs/first/plan.json", json.dumps({"batches": [{"name": "a"}, {"name": "b"}]}))
        self.champion = Champion(self.uri("runs/first/plan.json"))
        self.monitor = Monitor(
            bucket=self.bucket,
            workflow="digits",
            endpoint="digits",
            labels="labels/",
            s3=self.s3,
            sagemaker=self.champion,
        )
        begun = {"StartAt": "Begin", "States": {"Begin": {"Type": "Pass", "End": True}}}
        self.retraining = stepwell.machine(f"{name}-retraining", begun)
        machine = MonitorMachine(
            name="digits",
            bucket=self.bucket,
            endpoint="digits",
            rounds="arn:aws:lambda:us-east-1:000000000000:function:digits-rounds",
            retraining=self.retraining,
            job=Job(image="image", role="arn:aws:iam::000000000000:role/digits-monitor-job"),
        )
        self.machine = stepwell.machine(f"{name}-monitor", definition(machine))
        #: what the next jobs find to have crossed
        self.crossings: list[dict[str, Any]] = []
        self.measures: list[dict[str, Any]] = []
        self.heal()

    def heal(self) -> None:
        """Let every state do its work: the function's own code, a job that writes what was declared."""
        for state, do in (("Begin", handler.begin), ("Commit", handler.commit), ("Told", handler.told)):
            self.stepwell.mock(self.machine, state, returns=lambda event, do=do: do(self.monitor, event))
        self.stepwell.mock(self.machine, "Measure", returns=self.measure)
        for state in ("Announce", "Start"):
            self.stepwell.unmock(self.machine, state)

    def measure(self, asked: dict[str, Any]) -> dict[str, Any]:
        """The job: its summary."""
        self.measures.append(asked)
        folder = asked["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"]
        summary = {
            "outcome": "CROSSED" if self.crossings else "MEASURED",
            "sentence": "So it is.",
            "rows": 300,
            "until": datetime.fromisoformat(asked["Environment"]["MEASURED_AT"]).timestamp(),
            "crossings": self.crossings,
            "more": 0,
            "drifted": sorted({each["measure"] for each in self.crossings}),
        }
        self.put(f"{folder.removeprefix(self.uri(''))}/summary.json", json.dumps(summary))
        return {"ProcessingJobStatus": "Completed"}

    def put(self, key: str, body: str = "") -> None:
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body.encode())

    def uri(self, key: str) -> str:
        return f"s3://{self.bucket}/{key}"

    def document(self, key: str) -> Any:
        return json.loads(self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read())

    def capture(self, variant: str = "champion") -> str:
        """A file of captured requests, of the time that it is; gives its key."""
        now = self.stepwell.now
        key = f"capture/digits/{variant}/{now:%Y/%m/%d/%H}/{now:%M-%S}-000-{next(_numbers)}.jsonl"
        self.put(key, "{}\n")
        return key

    def day(self, *crossings: dict[str, Any]) -> Execution:
        """A day passes, something is captured, and measured with this result."""
        self.stepwell.advance("1 day")
        self.capture()
        self.crossings = list(crossings)
        return self.stepwell.start(self.machine).wait()

    @property
    def stands(self) -> standing.Standing:
        return standing.read(self.s3, self.bucket)[0]

    @property
    def started(self) -> list[Execution]:
        """The workflow's runs."""
        return self.stepwell.executions(self.retraining)
