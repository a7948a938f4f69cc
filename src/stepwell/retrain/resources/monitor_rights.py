"""What each role of a workflow's monitor may do, and why: as `rights`, for who measures drift."""

from __future__ import annotations

from stepwell.retrain.resources.names import Later, Names
from stepwell.retrain.resources.rights import STOPS, WATCHES, Right, container, function, listing

#: the monitor's roles and things: `digits-monitor`, `digits-rounds`, ...
JOB, FUNCTION, MACHINE, SCHEDULE = "monitor-job", "rounds", "monitor", "monitor-schedule"
_RULE = "rule/StepFunctionsGetEventsForSageMakerProcessingJobsRule"


def job(names: Names, *, labels: str | None, image: Later) -> list[Right]:
    """The monitor job's: it sees no batch's rows."""
    read = [f"capture/{names.endpoint}/*", "batches/*/profile.json", *([f"{labels}*"] if labels else [])]
    return [
        listing(names, "its inputs"),
        Right(
            sid="ReadWhatHappened",
            actions=["s3:GetObject"],
            resources=names.objects(*read),
            why="captured requests, the champion's profiles, late labels",
        ),
        Right(
            sid="ReadState",
            actions=["s3:GetObject"],
            resources=names.objects("monitor/runs/*"),
            why="the lists of its inputs, and the state that the last measure left",
        ),
        Right(
            sid="ReadCode",
            actions=["s3:GetObject"],
            resources=names.objects("code/monitor/*", "code/monitor.json"),
            why="the job's code and configuration",
        ),
        Right(
            sid="WriteReport",
            actions=["s3:PutObject"],
            resources=names.objects(
                *(f"monitor/runs/*/{each}.json" for each in ("report", "summary", "state"))
            ),
            why="what was found, and the state",
        ),
        *container(names, image, "ProcessingJobs"),
    ]


def rounds(names: Names) -> list[Right]:
    """The function's that keeps rounds."""
    kinds = [names.arn("sagemaker", f"{kind}/*") for kind in ("endpoint-config", "model")]
    return [
        Right(
            sid="List",
            actions=["s3:ListBucket"],
            resources=[names.bucket_arn],
            why="which requests were captured, which labels arrived",
        ),
        Right(
            sid="Read",
            actions=["s3:GetObject"],
            resources=names.objects("monitor/current.json", "runs/*/plan.json"),
            why="where the monitor stands; what the champion was trained on",
        ),
        Right(
            sid="Write",
            actions=["s3:PutObject"],
            resources=names.objects("monitor/current.json", "monitor/runs/*.manifest"),
            why="where the monitor stands; what the job reads",
        ),
        Right(
            sid="FindChampion",
            actions=[
                *(
                    f"sagemaker:Describe{noun}"
                    for noun in ("Endpoint", "EndpointConfig", "Model", "ModelPackage")
                )
            ],
            resources=[names.arn("sagemaker", f"endpoint/{names.endpoint}"), *kinds, names.packages],
            why="the endpoint leads to the model, its package, and its plan",
        ),
        *function(names, FUNCTION),
    ]


def machine(names: Names) -> list[Right]:
    """The monitor's state machine's."""
    jobs = [names.arn("sagemaker", f"processing-job/{names.workflow}-drift-*")]
    return [
        Right(
            sid="KeepRounds",
            actions=["lambda:InvokeFunction"],
            resources=[names.function(FUNCTION)],
            why="each round begins and is committed",
        ),
        Right(
            sid="RunJob",
            actions=[f"sagemaker:{verb}ProcessingJob" for verb in ("Create", "Describe")]
            + ["sagemaker:AddTags"],
            resources=jobs,
            why="measuring is a job",
        ),
        Right(
            sid="StopJob",
            actions=["sagemaker:StopProcessingJob"],
            resources=jobs,
            why="a measure that is stopped leaves no job behind",
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
            sid="WatchJob",
            actions=["events:PutTargets", "events:PutRule", "events:DescribeRule"],
            resources=[names.arn("events", _RULE)],
            why="Step Functions learns from this rule that the job has ended",
            only_aws=WATCHES,
        ),
        Right(
            sid="PassRole",
            actions=["iam:PassRole"],
            resources=[names.role(JOB)],
            condition={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
            why="the job has a role of its own",
        ),
        Right(
            sid="ReadSummary",
            actions=["s3:GetObject"],
            resources=names.objects("monitor/runs/*/summary.json"),
            why="what was found",
        ),
        Right(
            sid="Announce",
            actions=["events:PutEvents"],
            resources=[names.arn("events", "event-bus/default")],
            why="a crossing is told to whoever listens",
        ),
        Right(
            sid="StartRetraining",
            actions=["states:StartExecution"],
            resources=[names.machine],
            why="a crossing starts the workflow",
        ),
    ]


def schedule(names: Names) -> list[Right]:
    """EventBridge's, which starts the monitor."""
    return [
        Right(
            sid="StartMonitor",
            actions=["states:StartExecution"],
            resources=[names.arn("states", f"stateMachine:{names.of(MACHINE)}")],
            why="a schedule starts a measure",
        )
    ]
