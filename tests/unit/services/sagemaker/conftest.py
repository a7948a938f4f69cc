"""SageMaker behind the real dispatch, with toy S3, IAM and STS, and workers that tests play themselves."""

from __future__ import annotations

import asyncio
import io
import json
import random
import shutil
import sys
import tarfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from harness import ACCOUNT, Harness

from stepwell.api.operations import Operation, Right, Service
from stepwell.calls import BytesBody, Call, Caller, read_body
from stepwell.durable import Draft, Timer, View
from stepwell.errors import AwsError
from stepwell.services import sagemaker, sagemaker_runtime, stepwell
from stepwell.services.stepwell import rollback
from stepwell.workers.connections import Response
from stepwell.workers.containment import python_paths
from stepwell.workers.environments import Environment
from stepwell.workers.images import UnknownImage
from stepwell.workers.jobs import Exit, Handle, Jobs, JobSpec, LogBatch
from stepwell.workers.routing import Router
from stepwell.workers.servers import ModelUnavailable, ServerFailed, Servers

ROLE = f"arn:aws:iam::{ACCOUNT}:role/train"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
TRUST = {
    "Version": "2012-10-17",
    "Statement": {
        "Effect": "Allow",
        "Principal": {"Service": "sagemaker.amazonaws.com"},
        "Action": "sts:AssumeRole",
    },
}


class ToyS3:
    """Objects in a dict, and who asked for them."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.callers: list[str] = []
        #: what becomes of an object that is put, beside being kept: may raise
        self.putting: Callable[[str], None] = lambda place: None

    def service(self) -> Service:
        def row(name: str, fields: str, act: Any) -> Operation:
            return Operation(
                name=name, rights=(Right(action=f"s3:{name}"),), honoured=tuple(fields.split()), act=act
            )

        return Service(
            "s3",
            [
                row("ListObjectsV2", "Bucket Prefix ContinuationToken", self._list),
                row("GetObject", "Bucket Key", self._get),
                row("HeadObject", "Bucket Key", self._head),
                row("PutObject", "Bucket Key Body ContentLength", self._put),
            ],
        )

    async def _list(self, call: Call, context: Any) -> dict[str, Any]:
        start = f"{call.params['Bucket']}/"
        keys = sorted(
            name[len(start) :]
            for name in self.objects
            if name.startswith(start + call.params["Prefix"])
            and name[len(start) :] > call.params.get("ContinuationToken", "")
        )
        self.callers.append(call.caller.arn)
        page = {"Contents": [{"Key": key} for key in keys[:2]], "IsTruncated": len(keys) > 2}
        return {**page, "NextContinuationToken": keys[1]} if len(keys) > 2 else page

    async def _get(self, call: Call, context: Any) -> dict[str, Any]:
        place = f"{call.params['Bucket']}/{call.params['Key']}"
        if place not in self.objects:
            raise AwsError("The specified key does not exist.", code="NoSuchKey", status=404)
        return {"Body": BytesBody(self.objects[place])}

    async def _head(self, call: Call, context: Any) -> dict[str, Any]:
        return {"ContentLength": len((await self._get(call, context))["Body"].data)}

    async def _put(self, call: Call, context: Any) -> dict[str, Any]:
        self.callers.append(call.caller.arn)
        data = await read_body(call.params["Body"], 1 << 20)
        place = f"{call.params['Bucket']}/{call.params['Key']}"
        self.putting(place)
        self.objects[place] = data
        return {"ETag": '"x"'}


def toy_iam() -> Service:
    def get_role(call: Call, view: View) -> dict[str, Any]:
        name = call.params["RoleName"]
        if name == "missing":
            raise AwsError("no such role", code="NoSuchEntity", status=404)
        trusted = {**TRUST, "Statement": {**TRUST["Statement"], "Principal": {"Service": "x.amazonaws.com"}}}
        document = trusted if name == "stranger" else TRUST
        arn = f"arn:aws:iam::{ACCOUNT}:role/{name}"
        return {"Role": {"Arn": arn, "AssumeRolePolicyDocument": quote(json.dumps(document))}}

    row = Operation(
        name="GetRole", rights=(Right(action="iam:GetRole"),), honoured=("RoleName",), read=get_role
    )
    return Service("iam", [row])


def toy_sts(world: World) -> Service:
    async def assume(call: Call, context: Any) -> dict[str, Any]:
        assert call.caller.arn == "sagemaker.amazonaws.com"
        world.sessions += 1
        return {
            "Credentials": {
                "AccessKeyId": f"ASIA{world.sessions:016d}",
                "SecretAccessKey": "secret",
                "SessionToken": "token",
                "Expiration": context.now + 3600,
            },
            "AssumedRoleUser": {"AssumedRoleId": "AROAEXAMPLE:SageMaker", "Arn": call.params["RoleArn"]},
        }

    fields = ("RoleArn", "RoleSessionName")
    row = Operation(name="AssumeRole", rights=(Right(action="sts:AssumeRole"),), honoured=fields, act=assume)
    return Service("sts", [row])


def rollback_service(environments: Any) -> Service:
    """What there is of the service of our own for endpoints."""
    rollbacks = stepwell.Rollbacks(
        keeper=sagemaker.Rollbacks(environments=environments), rights=sagemaker.rollback_rights()
    )
    return Service("stepwell", rollback.operations(rollbacks))


class PlayedJobs:
    """Workers as tests play them; they survive the server as real ones do."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.specs: dict[str, JobSpec] = {}
        self.exits: dict[str, Exit] = {}
        self.logs: dict[str, list[tuple[float, str]]] = {}
        #: every start that began a process
        self.began: list[str] = []
        self.stopped: list[str] = []
        #: what a worker does at once, if anything: gets the spec and its folder, returns an exit status
        self.act: Callable[[JobSpec, Path], int | None] = lambda spec, folder: None

    def folder(self, worker_id: str) -> Path:
        return self.root / worker_id

    def known(self, worker_id: str) -> bool:
        return worker_id in self.specs

    def staging(self, worker_id: str) -> Path | None:
        if self.known(worker_id):
            return None
        shutil.rmtree(self.folder(worker_id), ignore_errors=True)
        folder = self.folder(worker_id) / "ml"
        folder.mkdir(parents=True)
        return folder

    async def start(self, spec: JobSpec) -> Handle:
        if not self.known(spec.worker_id):
            self.specs[spec.worker_id] = spec
            self.began.append(spec.worker_id)
            code = self.act(spec, self.folder(spec.worker_id) / "ml")
            if code is not None:
                self.end(spec.worker_id, code)
        folder = self.folder(spec.worker_id)
        return Handle(worker_id=spec.worker_id, folder=folder, opt_ml=folder / "ml", port=1)

    def say(self, worker_id: str, *lines: str) -> None:
        self.logs.setdefault(worker_id, []).extend((1.5, line) for line in lines)

    def end(self, worker_id: str, code: int | None = 0, reason: str = "exit", detail: str = "") -> None:
        self.exits[worker_id] = Exit(
            worker_id=worker_id,
            code=code,
            signal=None if code is not None else 9,
            reason=reason,
            detail=detail,
            started_at=0.0,
            ended_at=1.0,
            peak_memory=0,
            mounted=True,
        )

    def ended(self, worker_id: str) -> Exit | None:
        return self.exits.get(worker_id)

    async def wait(self, worker_id: str) -> Exit:
        while worker_id not in self.exits:
            await asyncio.sleep(0)
        return self.exits[worker_id]

    def stop(self, worker_id: str) -> None:
        self.stopped.append(worker_id)
        if worker_id not in self.exits:
            self.end(worker_id, None, "stopped")

    async def lines(self, worker_id: str, offset: int = 0) -> AsyncIterator[LogBatch]:
        while True:
            over = worker_id in self.exits
            lines = tuple(self.logs.get(worker_id, ())[offset:])
            if lines:
                offset += len(lines)
                yield LogBatch(lines=lines, offset=offset)
            elif over:
                return
            else:
                await asyncio.sleep(0)

    def forget(self, worker_id: str) -> None:
        assert worker_id not in self.specs or worker_id in self.exits
        for table in (self.specs, self.exits, self.logs):
            table.pop(worker_id, None)
        shutil.rmtree(self.folder(worker_id), ignore_errors=True)


class PlayedServers:
    """Model servers that answer with their model's file."""

    def __init__(self, jobs: PlayedJobs) -> None:
        self.jobs = jobs
        self.drained: list[str] = []
        #: answers in place of the model
        self.answer: Callable[[str, dict[str, str], bytes], Response] | None = None
        #: an invocation waits for it
        self.gate: asyncio.Event | None = None

    async def start(self, spec: JobSpec, *, startup: float) -> Handle:
        handle = await self.jobs.start(spec)
        if (handle.opt_ml / "model" / "broken").exists():
            self.jobs.say(spec.worker_id, "Traceback: broken")
            self.jobs.end(spec.worker_id, 1)
            raise ServerFailed("the model server exited with status 1")
        return handle

    async def drain(self, worker_id: str) -> Exit:
        self.drained.append(worker_id)
        self.jobs.stop(worker_id)
        return await self.jobs.wait(worker_id)

    async def invoke(self, worker_id: str, headers: Any, body: bytes, *, timeout: float) -> Response:
        if self.gate is not None:
            await self.gate.wait()
        if worker_id in self.jobs.exits or worker_id not in self.jobs.specs:
            raise ModelUnavailable(worker_id)
        if self.answer is not None:
            return self.answer(worker_id, dict(headers), body)
        model = (self.jobs.folder(worker_id) / "ml" / "model" / "weights").read_bytes()
        return Response(status=200, headers={"content-type": "text/plain"}, body=model)


class ToyEnvironments:
    """One Python for every image but those that are called unknown."""

    def __init__(self) -> None:
        #: a build waits for it
        self.gate: asyncio.Event | None = None

    def ready(self, image: str) -> Environment | None:
        if "unknown" in image:
            raise UnknownImage(f"no environment for the image {image}")
        return None

    async def build(self, image: str, progress: Callable[[str], None]) -> Environment:
        progress("Downloading scikit-learn (9.1MiB)")
        if self.gate is not None:
            await self.gate.wait()
        return Environment(
            python=Path("/env/bin/python"),
            read=(Path("/env"),),
            path=(Path("/env/bin"),),
            variables={},
            warning="",
        )


class OwnPython:
    """The Python of this test for every image."""

    def ready(self, image: str) -> Environment | None:
        python = Path(sys.executable)
        return Environment(
            python=python, read=python_paths(python), path=(python.parent,), variables={}, warning=""
        )

    async def build(self, image: str, progress: Callable[[str], None]) -> Environment | None:
        return self.ready(image)


class World:
    """A server that can be killed and started again, and all that is around it."""

    role = ROLE
    image = IMAGE

    def __init__(self, folder: Path, *, real: bool = False) -> None:
        """real: workers are processes, run by this test's own Python."""
        self.folder = folder
        self.s3 = ToyS3()
        self.jobs: Any = PlayedJobs(folder / "workers")
        self.servers: Any = PlayedServers(self.jobs)
        if real:
            self.jobs = Jobs(
                root=folder / "workers",
                data=folder,
                endpoint="http://127.0.0.1:9",
                region="us-east-1",
            )
        self.environments: Any = OwnPython() if real else ToyEnvironments()
        self.events: list[dict[str, Any]] = []
        self.lines: list[tuple[str, str, str]] = []
        self.sessions = 0
        self.pauses: list[float] = []
        self.start()

    def writable(self, view: View, caller: Caller, group: str, stream: str) -> bool:
        return True

    def write(self, group: str, stream: str, lines: list[tuple[float, str]]) -> None:
        self.lines += [(group, stream, text) for _, text in lines]

    def start(self) -> None:
        self.server = Harness(self.folder)
        if isinstance(self.jobs, Jobs):
            self.servers = Servers(self.jobs)
        self.router = Router()
        self.credentials = sagemaker.WorkerCredentials(self.server.context, "http://127.0.0.1:4566")
        self.captures = sagemaker.Captures(
            self.folder / "captures", context=self.server.context, logs=self, source=random.Random(1)
        )
        self.parts = sagemaker.Parts(
            context=self.server.context,
            jobs=self.jobs,
            servers=self.servers,
            router=self.router,
            environments=self.environments,
            logs=self,
            credentials=self.credentials,
            captures=self.captures,
            sleep=self._sleep,
        )

        def heard(timer: Timer, draft: Draft) -> None:
            self.events.append(dict(timer.body))

        self.server.serve(
            [
                sagemaker.service(self.environments),
                sagemaker_runtime.service(self.router, self.servers, self.captures),
                self.s3.service(),
                rollback_service(self.environments),
                toy_iam(),
                toy_sts(self),
            ],
            effects=sagemaker.effects(self.parts),
            timers={"event": heard, **sagemaker.timers()},
        )
        self.server.run(self.captures.resume())

    async def _sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        await asyncio.sleep(0)

    def kill(self) -> None:
        """The server goes, workers stay."""
        self.server.__exit__(None, None, None)

    def __call__(self, operation: str, **params: Any) -> dict[str, Any]:
        return self.server.call("sagemaker", operation, **params)

    def invoke(self, endpoint: str, **params: Any) -> dict[str, Any]:
        return self.server.call("sagemaker-runtime", "InvokeEndpoint", EndpointName=endpoint, **params)

    def until(self, true: Callable[[], Any]) -> None:
        """Let the server go on until `true`; the test's own timeout ends one that never is."""

        async def wait() -> None:
            while not true():
                await self.server.dispatcher.read(lambda view: None)

        self.server.run(wait())

    def later(self, seconds: float) -> None:
        """Move the clock, and let all happen that is due then, while endpoints serve on."""
        self.server.clock.advance(seconds)
        calm = 0
        while calm < 2:
            due = self.server.run(self.server._next_due())
            busy = [token for token in self.server._performers._running if not token.startswith("fleet/")]
            calm = 0 if busy or (due is not None and due <= self.server.clock.now()) else calm + 1

    def status(self, kind: str, name: str) -> str:
        return str(self(f"Describe{kind}", **{f"{kind}Name": name})[f"{kind}Status"])

    def settle(self, kind: str, name: str, *statuses: str) -> dict[str, Any]:
        """Describe's output as soon as the resource has one of the statuses."""
        while (found := self(f"Describe{kind}", **{f"{kind}Name": name}))[f"{kind}Status"] not in statuses:
            pass
        return found

    def wait_for_no_endpoint(self) -> None:
        while self("ListEndpoints")["Endpoints"]:
            pass

    def train(self, name: str = "job", **changes: Any) -> dict[str, Any]:
        params: dict[str, Any] = {
            "TrainingJobName": name,
            "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
            "RoleArn": ROLE,
            "OutputDataConfig": {"S3OutputPath": "s3://bucket/out"},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10},
            "StoppingCondition": {"MaxRuntimeInSeconds": 600},
        }
        return self("CreateTrainingJob", **{**params, **changes})

    def archive(self, place: str, **files: bytes) -> str:
        """Put a tar.gz into the toy bucket and return its URI."""
        data = io.BytesIO()
        with tarfile.open(fileobj=data, mode="w:gz") as tar:
            for name, content in files.items():
                member = tarfile.TarInfo(name)
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
        self.s3.objects[place] = data.getvalue()
        return f"s3://{place}"

    def model(self, name: str, **files: bytes) -> None:
        url = self.archive(f"bucket/{name}.tar.gz", **(files or {"weights": name.encode()}))
        container = {"Image": IMAGE, "ModelDataUrl": url}
        self("CreateModel", ModelName=name, PrimaryContainer=container, ExecutionRoleArn=ROLE)

    def config(self, name: str, *models: str, count: int = 1, **more: Any) -> None:
        variants = [
            {
                "VariantName": f"variant-{model}",
                "ModelName": model,
                "InitialInstanceCount": count,
                "InstanceType": "ml.m5.large",
            }
            for model in models
        ]
        self("CreateEndpointConfig", EndpointConfigName=name, ProductionVariants=variants, **more)

    def endpoint(self, name: str, *models: str, count: int = 1, **more: Any) -> dict[str, Any]:
        """Create models, configuration and endpoint, and wait until it serves."""
        for model in models:
            self.model(model)
        self.config(f"{name}-config", *models, count=count, **more)
        self("CreateEndpoint", EndpointName=name, EndpointConfigName=f"{name}-config")
        return self.settle("Endpoint", name, "InService")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.kill()


@pytest.fixture
def real(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path, real=True)
    yield made
    made.server.run(made.server._performers.close())
    made.server.run(sagemaker.stop_all(made.parts))
    made.kill()
