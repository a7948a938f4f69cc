"""The two functions of a workflow: the ledger, and what brings people's decisions to runs that wait."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from stepwell.retrain.resources import rights
from stepwell.retrain.resources.names import Names
from stepwell.retrain.resources.rights import Right
from stepwell.retrain.resources.roles import Roles
from stepwell.retrain.resources.shipping import package

#: where the ledger's settings lie in the bucket
SETTINGS = "code/settings.json"
#: days that CloudWatch can keep a log
LOG_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
)


@dataclass(frozen=True, kw_only=True)
class Functions:
    """Makes the functions of one workflow."""

    names: Names
    roles: Roles
    #: days that their logs are kept; None: for ever
    log_days: int | None
    tags: Mapping[str, str]
    opts: pulumi.ResourceOptions

    def make(self, part: str, handler: str, permitted: Iterable[Right]) -> aws.lambda_.Function:
        """A function of the ledger's package, with its log group and its role."""
        name = self.names.of(part)
        group = aws.cloudwatch.LogGroup(
            name,
            name=f"/aws/lambda/{name}",
            retention_in_days=self.log_days,
            tags=self.tags,
            opts=self.opts,
        )
        role = self.roles.make(part, "lambda.amazonaws.com", [*permitted, *rights.function(self.names, part)])
        after = pulumi.ResourceOptions(depends_on=[group])
        return aws.lambda_.Function(
            name,
            name=name,
            runtime="python3.12",
            handler=handler,
            code=package("ledger"),
            role=role.arn,
            timeout=300,
            memory_size=512,
            environment={"variables": {"BUCKET": self.names.bucket, "SETTINGS": SETTINGS}},
            tags=self.tags,
            opts=pulumi.ResourceOptions.merge(self.opts, after),
        )

    def answer(self, approvals: aws.lambda_.Function) -> None:
        """A person's decision about a package of the group reaches the function that knows who waits."""
        name = self.names.of("decisions")
        pattern = {
            "source": ["aws.sagemaker"],
            "detail-type": ["SageMaker Model Package State Change"],
            "detail": {
                "ModelPackageGroupName": [self.names.workflow],
                "ModelApprovalStatus": ["Approved", "Rejected"],
            },
        }
        rule = aws.cloudwatch.EventRule(
            name, name=name, event_pattern=json.dumps(pattern), tags=self.tags, opts=self.opts
        )
        allowed = aws.lambda_.Permission(
            name,
            action="lambda:InvokeFunction",
            function=approvals.name,
            principal="events.amazonaws.com",
            source_arn=rule.arn,
            opts=self.opts,
        )
        after = pulumi.ResourceOptions(depends_on=[allowed])
        aws.cloudwatch.EventTarget(
            name,
            rule=rule.name,
            target_id="approvals",
            arn=approvals.arn,
            opts=pulumi.ResourceOptions.merge(self.opts, after),
        )
