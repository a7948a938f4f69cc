"""What each role of a workflow may do, and why: the tables that its policies are written from.

There is one role for each thing that acts, so that nobody can do another's work. The training script, which
is the user's, can't read what is held out of training; the model can't read a batch at all; only the gate
writes evidence. Every statement is needed: without it a run fails. Where a statement is needed on AWS alone,
`only_aws` says what AWS does that a server on one's own machine doesn't.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stepwell.retrain.resources.names import Later, Names, joined

_PULLS = "images are built here from a list of libraries, and not pulled"
_METRICS = "the job's metrics are read off its log here, without the role's help"
WATCHES = "jobs are followed here without rules and tags; the rules are asked for when a machine is made"
STOPS = "only an execution that is stopped stops its job"
_IMAGE = re.compile(r"(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/([^:@]+)")


@dataclass(frozen=True, kw_only=True)
class Right:
    """One statement of a policy."""

    #: its Sid
    sid: str
    #: IAM actions
    actions: Sequence[str]
    #: ARNs
    resources: Sequence[Later]
    #: what it is needed for
    why: str
    #: IAM's condition block
    condition: Mapping[str, Mapping[str, Any]] | None = None
    #: why a run on Stepwell goes well without it; empty: it does not
    only_aws: str = ""

    def statement(self) -> dict[str, Any]:
        """The statement as a policy has it."""
        found: dict[str, Any] = {"Sid": self.sid, "Effect": "Allow", "Action": list(self.actions)}
        found["Resource"] = list(self.resources)
        if self.condition:
            found["Condition"] = {operator: dict(keys) for operator, keys in self.condition.items()}
        return found


def prepare(names: Names, *, prefixes: Iterable[str], image: Later) -> list[Right]:
    """The prepare job's."""
    written = ("train.csv", "held-out.csv", "profile.json", "prepared.json")
    return [
        listing(names, "its inputs"),
        Right(
            sid="ReadBatch",
            actions=["s3:GetObject"],
            resources=names.objects(*(f"{each}*" for each in prefixes), "batches/*/manifest.json"),
            why="the raw objects and their list",
        ),
        Right(
            sid="ReadCode",
            actions=["s3:GetObject"],
            resources=names.objects("code/prepare/*", "code/prepare.json"),
            why="the job's code and configuration",
        ),
        Right(
            sid="WriteRows",
            actions=["s3:PutObject"],
            resources=names.objects(*(f"batches/*/{each}" for each in written)),
            why="rows to train on, rows held out, and the profile",
        ),
        *container(names, image, "ProcessingJobs"),
    ]


def train(names: Names, *, image: Later, channels: Iterable[Later] = ()) -> list[Right]:
    """The training job's: it can't read what is held out."""
    further = [arn for uri in channels for arn in _channel(names, uri)]
    return [
        listing(
            names,
            "its channels",
            [bucket for bucket, _ in further],
            only_aws="" if further else "the objects of a manifest are fetched by their keys here",
        ),
        Right(
            sid="ReadRows",
            actions=["s3:GetObject"],
            resources=[
                *names.objects("batches/*/train.csv", "runs/*/train.manifest"),
                *(objects for _, objects in further),
            ],
            why="the rows to train on and their list",
        ),
        Right(
            sid="ReadCode",
            actions=["s3:GetObject"],
            resources=names.objects("code/train/*"),
            why="the training script",
        ),
        Right(
            sid="WriteModel", actions=["s3:PutObject"], resources=names.objects("models/*"), why="the model"
        ),
        *container(names, image, "TrainingJobs"),
    ]


def gate(names: Names, *, image: Later) -> list[Right]:
    """The gate job's."""
    return [
        listing(names, "its inputs"),
        Right(
            sid="ReadModels",
            actions=["s3:GetObject"],
            resources=names.objects("models/*"),
            why="challenger and champion",
        ),
        Right(
            sid="ReadRows",
            actions=["s3:GetObject"],
            resources=names.objects("batches/*/held-out.csv", "runs/*"),
            why="the rows to judge by, their lists and the job's configuration",
        ),
        Right(
            sid="ReadCode",
            actions=["s3:GetObject"],
            resources=names.objects("code/gate/*"),
            why="the gate's code",
        ),
        Right(
            sid="WriteEvidence",
            actions=["s3:PutObject"],
            resources=names.objects("runs/*/evidence.json", "runs/*/summary.json"),
            why="what was found",
        ),
        *container(names, image, "ProcessingJobs"),
    ]


def serve(names: Names, *, image: Later, captured: bool) -> list[Right]:
    """The model's container's."""
    capture = Right(
        sid="WriteCaptures",
        actions=["s3:PutObject"],
        resources=names.objects("capture/*"),
        why="a share of requests and answers, for the monitor",
    )
    return [
        listing(names, "the model", only_aws="a model is fetched by its key here"),
        Right(
            sid="ReadModel", actions=["s3:GetObject"], resources=names.objects("models/*"), why="the model"
        ),
        *([capture] if captured else []),
        *container(names, image, f"Endpoints/{names.endpoint}"),
    ]


def ledger(names: Names, *, prefixes: Iterable[str], scored: bool = False) -> list[Right]:
    """The ledger's: it reads all that a run is made of, and writes what it remembers.

    `scored`: whether a score that has fallen is a condition, which the monitor knows of.
    """
    read = ["code/settings.json", "code/train/*", "ledger/*", "batches/*.json", "runs/*.json", "models/*"]
    written = ("batches/*/batch.json", "batches/*/manifest.json", "runs/*.manifest", "runs/*.json")
    kinds = ("endpoint-config", "model", "model-package") if names.endpoint else ("model-package",)
    seen = [names.arn("sagemaker", f"{kind}/*") for kind in kinds]
    asked = ["DescribeEndpoint", "DescribeEndpointConfig", "DescribeModel"]
    if not names.endpoint:
        asked = ["ListModelPackages"]
    asked.append("DescribeModelPackage")
    endpoint = names.arn("sagemaker", f"endpoint/{names.endpoint}")
    group = names.arn("sagemaker", f"model-package-group/{names.workflow}")
    return [
        Right(
            sid="List",
            actions=["s3:ListBucket"],
            resources=[names.bucket_arn],
            why="which objects are pending, which batches there are, and that something is not there",
        ),
        Right(
            sid="ReadBatches",
            actions=["s3:GetObject"],
            resources=names.objects(*(f"{each}*" for each in prefixes)),
            why="which version of an object is there, and how many rows it has",
        ),
        Right(
            sid="ReadRecords",
            actions=["s3:GetObject"],
            resources=names.objects(*read, *(["monitor/current.json"] if scored else [])),
            why="settings, records, what jobs left, and whether the champion's model is there",
        ),
        Right(
            sid="WriteRecords",
            actions=["s3:PutObject"],
            resources=names.objects("ledger/*", *written),
            why="whose turn it is, batches, and what a run trains on and is judged by",
        ),
        Right(
            sid="SeeRuns",
            actions=["states:DescribeExecution"],
            resources=[names.executions],
            why="a run that has ended without freeing its claim loses it to the next",
        ),
        Right(
            sid="SeeChampion",
            actions=[f"sagemaker:{action}" for action in asked],
            resources=[*seen, *([endpoint] if names.endpoint else [group])],
            why="the model that serves now is the champion, whoever put it there",
        ),
    ]


def approvals(names: Names) -> list[Right]:
    """Of the function that brings people's decisions to runs that wait."""
    return [
        Right(
            sid="List",
            actions=["s3:ListBucket"],
            resources=[names.bucket_arn],
            why="S3 tells only those who may list that something is not there",
        ),
        Right(
            sid="KeepTokens",
            actions=["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
            resources=names.objects("approvals/*"),
            why="the tokens of runs that wait",
        ),
        Right(
            sid="SeeDecision",
            actions=["sagemaker:DescribeModelPackage"],
            resources=[names.packages],
            why="who decided, when and why",
        ),
        Right(
            sid="Answer",
            actions=["states:SendTaskSuccess"],
            resources=[names.machine],
            why="the run goes on with the decision",
        ),
    ]


def function(names: Names, part: str) -> list[Right]:
    """What every function needs: its log, in a group that the workflow declares."""
    return [
        Right(
            sid="Log",
            actions=["logs:CreateLogStream", "logs:PutLogEvents"],
            resources=[names.arn("logs", f"log-group:/aws/lambda/{names.of(part)}:*")],
            why="the function's log",
            only_aws="a function answers also where its log can't be written",
        )
    ]


def machine(names: Names, *, passed: Sequence[str], serves: bool) -> list[Right]:
    """The state machine's; `passed` are the parts whose roles it hands to SageMaker."""
    kinds = ("Training", "Processing")
    jobs = [names.arn("sagemaker", f"{kind.lower()}-job/{names.workflow}-*") for kind in kinds]
    rules = [names.arn("events", f"rule/StepFunctionsGetEventsForSageMaker{kind}JobsRule") for kind in kinds]
    return [
        Right(
            sid="AskLedger",
            actions=["lambda:InvokeFunction"],
            resources=[names.function("ledger"), names.function("approvals")],
            why="each step is recorded; a waiting run leaves its token",
        ),
        Right(
            sid="RunJobs",
            actions=[
                *(f"sagemaker:{verb}{kind}Job" for kind in kinds for verb in ("Create", "Describe")),
                "sagemaker:AddTags",
            ],
            resources=jobs,
            why="prepare, train and gate are jobs",
        ),
        Right(
            sid="StopJobs",
            actions=[f"sagemaker:Stop{kind}Job" for kind in kinds],
            resources=jobs,
            why="a run that is stopped leaves no job behind",
            only_aws=STOPS,
        ),
        Right(
            sid="ReadTags",
            actions=["sagemaker:ListTags"],
            resources=jobs,
            why="Step Functions tells its own jobs by their tags",
            only_aws=WATCHES,
        ),
        Right(
            sid="WatchJobs",
            actions=["events:PutTargets", "events:PutRule", "events:DescribeRule"],
            resources=rules,
            why="Step Functions learns from these rules that a job has ended",
            only_aws=WATCHES,
        ),
        Right(
            sid="PassRoles",
            actions=["iam:PassRole"],
            resources=[names.role(part) for part in passed],
            condition={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
            why="each job and model has a role of its own",
        ),
        Right(
            sid="ReadSummary",
            actions=["s3:GetObject"],
            resources=names.objects("runs/*/summary.json"),
            why="the gate's decision",
        ),
        Right(
            sid="RegisterModels",
            actions=["sagemaker:CreateModelPackage", "sagemaker:UpdateModelPackage"],
            resources=[names.packages],
            why="a challenger that may serve is registered, and what became of it",
        ),
        Right(
            sid="JoinGroup",
            actions=["sagemaker:CreateModelPackage"],
            resources=[names.arn("sagemaker", f"model-package-group/{names.workflow}")],
            why="it is registered in the workflow's group",
            only_aws="the package's own ARN is what is asked for here",
        ),
        *(_serving(names) if serves else []),
    ]


def _serving(names: Names) -> list[Right]:
    made = [names.arn("sagemaker", f"{kind}/{names.workflow}-*") for kind in ("model", "endpoint-config")]
    endpoint = names.arn("sagemaker", f"endpoint/{names.endpoint}")
    return [
        Right(
            sid="MakeModels",
            actions=["sagemaker:CreateModel", "sagemaker:CreateEndpointConfig", "sagemaker:AddTags"],
            resources=made,
            why="the challenger as a model, and a configuration with it",
        ),
        Right(
            sid="Deploy",
            actions=[
                *(f"sagemaker:{verb}Endpoint" for verb in ("Create", "Update", "Describe", "Delete")),
                "sagemaker:AddTags",
            ],
            resources=[endpoint, made[1]],
            why="the endpoint is made, changed, followed; one that failed to be made is deleted",
        ),
    ]


def start(names: Names) -> list[Right]:
    """EventBridge's: whatever starts the machine."""
    return [
        Right(
            sid="StartRetraining",
            actions=["states:StartExecution"],
            resources=[names.machine],
            why="an event, a schedule or a window starts a run",
        )
    ]


def window(names: Names) -> list[Right]:
    """Systems Manager's, whose task ends with the run that it has started."""
    return [
        *start(names),
        Right(
            sid="FollowRun",
            actions=["states:DescribeExecution"],
            resources=[names.executions],
            why="the window's task has the status of the run",
            only_aws="an event tells here how a run has ended",
        ),
    ]


def listing(names: Names, what: str, buckets: Iterable[Later] = (), *, only_aws: str = "") -> Right:
    """What SageMaker needs to find a job's inputs."""
    return Right(
        sid="List",
        actions=["s3:ListBucket"],
        resources=[names.bucket_arn, *buckets],
        why=f"SageMaker lists {what} by their prefixes",
        only_aws=only_aws,
    )


def container(names: Names, image: Later, group: str) -> list[Right]:
    """What SageMaker does in the name of a container's role."""
    pulls = ("BatchGetImage", "GetDownloadUrlForLayer", "BatchCheckLayerAvailability")
    return [
        Right(
            sid="Log",
            actions=["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
            resources=[names.arn("logs", f"log-group:/aws/sagemaker/{group}:*")],
            why="the container's log",
            only_aws="a job runs on where its log can't be written",
        ),
        Right(
            sid="Measure",
            actions=["cloudwatch:PutMetricData"],
            resources=["*"],
            why="the container's use of processor and memory",
            only_aws=_METRICS,
        ),
        Right(
            sid="LogInToRegistry",
            actions=["ecr:GetAuthorizationToken"],
            resources=["*"],
            why="the image is pulled with the role's rights",
            only_aws=_PULLS,
        ),
        Right(
            sid="PullImage",
            actions=[f"ecr:{each}" for each in pulls],
            resources=[repository(names, image)],
            why="the image is pulled with the role's rights",
            only_aws=_PULLS,
        ),
    ]


def repository(names: Names, image: Later) -> Later:
    """The ARN of an image's repository; every one of the account's region where it is no ECR image."""
    if not isinstance(image, str):
        return image.apply(lambda found: repository(names, found))
    match = _IMAGE.match(image)
    if match is None:
        return names.arn("ecr", "repository/*")
    return f"arn:{names.partition}:ecr:{match[2]}:{match[1]}:repository/{match[3]}"


def _channel(names: Names, uri: Later) -> list[tuple[Later, Later]]:
    """The ARNs of a channel's bucket and of its objects."""
    if isinstance(uri, str):
        bucket, _, prefix = uri.removeprefix("s3://").partition("/")
        arn = f"arn:{names.partition}:s3:::{bucket}"
        return [(arn, f"{arn}/{prefix}*")]
    arn = f"arn:{names.partition}:s3:::"
    bucket = uri.apply(lambda found: found.removeprefix("s3://").partition("/")[0])
    path = uri.apply(lambda found: found.removeprefix("s3://"))
    slash = path.apply(lambda found: "" if "/" in found else "/")
    return [(joined(arn, bucket), joined(arn, path, slash, "*"))]
