"""The smallest retraining workflow that is one: a model that remembers what it saw, on Python's own library.

Its rows tell the scripts what to do wrong (`note`), so that a batch alone brings about any fault: when it is
trained on, or when the model is asked about it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError
from running import Running, ended, until

from stepwell.retrain.gate import Evidence, replay

IMAGE = "stepwell-tests/bare:1"

PROGRAM = """
import pulumi
from stepwell.retrain import Approval, Column, Gate, Prepare, RetrainingWorkflow, Train, Upload, When

seesaw = RetrainingWorkflow(
    "{name}",
    triggers=[Upload(prefix="data/", suffix=".csv")],
    prepare=Prepare(
        columns=[
            Column(name="label", type="integer", low=0, high=9),
            Column(name="side", type="integer", low=0, high=9),
            Column(name="number", type="integer"),
            Column(name="note", type="category", missing=True),
        ],
        label="label",
    ),
    train=Train(image="{image}", code="jobs"),
    gate=Gate(floor=0.5, margin=0.2, least_rows=10{gate}),
    force_destroy=True,{more}
)
for output in ("bucket", "machine", "endpoint"):
    pulumi.export(output, getattr(seesaw, output))
"""

TRAIN = """
import csv, collections, json, os, pathlib, sys, time
seen, notes = collections.defaultdict(collections.Counter), set()
for path in sorted(pathlib.Path(os.environ["SM_CHANNEL_TRAIN"]).rglob("*.csv")):
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            seen[row["side"]][row["label"]] += 1
            notes.add(row["note"])
if "train: fail" in notes:
    sys.exit("these rows cannot be learned")
if "train: slowly" in notes:
    time.sleep(2)
if "train: nothing" not in notes:
    known = {side: labels.most_common(1)[0][0] for side, labels in seen.items()}
    told = {"known": known, "answers": sorted(note for note in notes if note.startswith("answer: "))}
    pathlib.Path(os.environ["SM_MODEL_DIR"], "model.json").write_text(json.dumps(told))
"""

INFERENCE = """
import csv, json, os, time
def model_fn(folder):
    with open(os.path.join(folder, "model.json")) as file:
        model = json.load(file)
    if "answer: unserved" in model["answers"] and "SAGEMAKER_PROGRAM" in os.environ:
        raise RuntimeError("it can be judged and not served")
    return model
def input_fn(body, content_type):
    text = body.decode() if isinstance(body, bytes) else body
    return list(csv.reader(text.splitlines()))
def predict_fn(rows, model):
    if "answer: shape" in model["answers"]:
        return [1, 0] * len(rows)
    if "answer: nan" in model["answers"]:
        return [float("nan") for row in rows]
    if any(row[-1] == "ask: slowly" for row in rows):
        time.sleep(1)
    if any(row[-1] == "ask: raise" for row in rows):
        raise RuntimeError("a row that it cannot read")
    return [int(model["known"].get(row[0], 0)) for row in rows]
def output_fn(prediction, accept):
    return "".join(f"{each}\\n" for each in prediction), "text/csv"
"""

#: a metric of the user's that gives up where nearly all labels are ones
JUDGE = """
def share(labels, predictions):
    if sum(int(label) == 1 for label in labels) > 0.8 * len(labels):
        raise ValueError("nearly all are ones")
    return sum(int(a) == int(b) for a, b in zip(labels, predictions)) / len(labels)
"""

HEADER = b"label,side,number,note\n"


def batch(
    start: int,
    *,
    rows: int = 120,
    note: str = "",
    side: Callable[[int], int] = lambda number: number % 10,
    label: Callable[[int], int] = lambda side: int(side > 4),
) -> bytes:
    """Rows whose label is whether the side is above 4, unless told otherwise; `start` makes them new ones."""
    made = []
    for number in range(start, start + rows):
        at = side(number)
        made.append(f"{label(at)},{at},{number},{note}\n")
    return HEADER + "".join(made).encode()


def flipped(side: int) -> int:
    """Every label wrong."""
    return int(side <= 4)


class Seesaw:
    """One such workflow on a server, and what comes of the objects that are uploaded to it."""

    def __init__(self, server: Running, folder: Path, name: str, *, more: str = "", gate: str = "") -> None:
        self.server, self.folder, self.name = server, folder, name
        (server.data / "images.toml").write_text(
            f'[images."{IMAGE}"]\npython = "3.11"\nrequirements = ["joblib==1.4.2"]\n'
        )
        built = server.stepwell("images", "--build", IMAGE)
        assert built.returncode == 0, built.stderr
        (folder / "jobs").mkdir(parents=True)
        (folder / "jobs/train.py").write_text(TRAIN)
        (folder / "jobs/inference.py").write_text(INFERENCE)
        (folder / "Pulumi.yaml").write_text(f"name: {name}\nruntime: python\n")
        (folder / "judge.py").write_text(JUDGE)
        (folder / "__main__.py").write_text(PROGRAM.format(name=name, image=IMAGE, more=more, gate=gate))
        done = server.stepwell("up", str(folder), "--yes", "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        outputs = json.loads(done.stdout)["outputs"]
        self.bucket, self.machine, self.endpoint = (
            str(outputs[each]) for each in ("bucket", "machine", "endpoint")
        )
        self.reconnect()

    def reconnect(self) -> None:
        """Clients of the server as it runs now."""
        self.s3, self.states, self.sagemaker = (
            self.server.client(service) for service in ("s3", "stepfunctions", "sagemaker")
        )

    def put(self, key: str, content: bytes) -> str:
        """Upload an object; gives its version."""
        return str(self.s3.put_object(Bucket=self.bucket, Key=key, Body=content)["VersionId"])

    def upload(self, stem: str, content: bytes) -> str:
        """Upload a batch; gives the execution that it starts."""
        known = self.executions()
        self.put(f"data/{stem}.csv", content)
        (new,) = until(lambda: self.executions() - known)
        return str(new)

    def start(self, given: Any) -> str:
        """Start it by hand with that input; gives the execution."""
        return str(
            self.states.start_execution(stateMachineArn=self.machine, input=json.dumps(given))["executionArn"]
        )

    def executions(self) -> set[str]:
        """All, by ARN."""
        listed = self.states.list_executions(stateMachineArn=self.machine)["executions"]
        return {each["executionArn"] for each in listed}

    def output(self, execution: str) -> dict[str, Any]:
        """What a run ended with, that succeeded."""
        found = ended(self.server, execution)
        assert found["status"] == "SUCCEEDED", (found.get("error"), found.get("cause"))
        output: dict[str, Any] = json.loads(found["output"])
        return output

    def fault(self, execution: str) -> tuple[str, str]:
        """Error and cause of a run that failed."""
        found = ended(self.server, execution)
        assert found["status"] == "FAILED", found
        return found["error"], found["cause"]

    def events(self, execution: str) -> list[dict[str, Any]]:
        """The history so far."""
        found: list[dict[str, Any]] = self.states.get_execution_history(
            executionArn=execution, maxResults=1000
        )["events"]
        return found

    def instant(self, execution: str) -> tuple[str, str]:
        """The state that a run is in, and its newest event."""
        events = self.events(execution)
        entered = [
            each["stateEnteredEventDetails"]["name"] for each in events if "stateEnteredEventDetails" in each
        ]
        return (entered[-1] if entered else ""), events[-1]["type"]

    def asked(self, execution: str) -> dict[str, Any]:
        """What a person is asked, once the run waits for the answer."""

        def waiting() -> dict[str, Any] | None:
            events = self.events(execution)
            if events[-1]["type"] != "TaskSubmitted":
                return None
            details = next(
                each["taskScheduledEventDetails"]
                for each in reversed(events)
                if "taskScheduledEventDetails" in each
            )
            if details["resource"] != "invoke.waitForTaskToken":
                return None
            payload: dict[str, Any] = json.loads(details["parameters"])["Payload"]
            return payload

        found: dict[str, Any] = until(waiting)
        return found

    def decide(self, package: str, status: str, why: str) -> None:
        """A person's word, by boto3."""
        self.sagemaker.update_model_package(
            ModelPackageArn=package, ModelApprovalStatus=status, ApprovalDescription=why
        )

    def evidence(self, uri: str) -> Evidence:
        """What the gate left; replayed, it decides the same."""
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        text = self.s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode()
        evidence = Evidence.parse(text)
        assert replay(evidence).reason == evidence.decision.reason
        return evidence

    def document(self, key: str) -> Any:
        """A JSON document of the bucket; None where there is none."""
        try:
            return json.loads(self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read())
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchKey":
                raise
            return None

    def documents(self, prefix: str, name: str) -> list[Any]:
        """All documents of that name below a prefix."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        keys = [each["Key"] for page in pages for each in page.get("Contents", ())]
        return [self.document(key) for key in keys if key.endswith(f"/{name}")]

    def record(self, batch: str) -> dict[str, Any]:
        """A batch's record."""
        found: dict[str, Any] = self.document(f"batches/{batch}/batch.json")
        return found

    def records(self) -> list[dict[str, Any]]:
        """Those of all batches."""
        return self.documents("batches/", "batch.json")

    def config(self) -> str:
        """The name of the endpoint's configuration."""
        return str(self.sagemaker.describe_endpoint(EndpointName=self.endpoint)["EndpointConfigName"])

    def holder(self) -> str | None:
        """Whose turn it is."""
        found = self.document("ledger/claim.json")
        holder: str | None = None if found is None else found["execution"]
        return holder
