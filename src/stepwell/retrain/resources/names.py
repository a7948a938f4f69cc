"""What a workflow's things are called: every name is made of the workflow's, and fits AWS's limits.

The workflow's name is short enough for the longest of them: a bucket's name has 63 characters, of which
account, region and two hyphens take up to 29.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from stepwell.retrain.parts.declaration import matches

#: characters of a workflow's name
LONGEST = 32
_NAME = rf"[a-z](?!.*--)[a-z0-9-]{{0,{LONGEST - 2}}}[a-z0-9]"
Later = Any


def check(name: object) -> None:
    """Raises DeclarationError for a name that AWS would refuse for a bucket, a role or a job."""
    matches(
        "RetrainingWorkflow's name",
        name,
        _NAME,
        f"2 to {LONGEST} lower-case letters, digits and single hyphens, a letter first",
    )


@dataclass(frozen=True, kw_only=True)
class Names:
    """Names and ARNs of one workflow's things, in one account and region."""

    #: the workflow's name
    workflow: str
    partition: str
    account: str
    region: str
    #: the bucket's name; an output where the user gave one
    bucket: Later
    #: the endpoint's name; None: nothing is served
    endpoint: str | None

    def of(self, part: str) -> str:
        """The name of a role, function, rule: `digits-ledger`."""
        return f"{self.workflow}-{part}"

    def arn(self, service: str, resource: str) -> str:
        """The ARN of something in this account and region."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"

    def role(self, part: str) -> str:
        """The ARN of a role."""
        return f"arn:{self.partition}:iam::{self.account}:role/{self.of(part)}"

    def function(self, part: str) -> str:
        """The ARN of a function."""
        return self.arn("lambda", f"function:{self.of(part)}")

    @property
    def machine(self) -> str:
        """The ARN of the state machine, which is called as the workflow is."""
        return self.arn("states", f"stateMachine:{self.workflow}")

    @property
    def executions(self) -> str:
        """The ARNs of the machine's executions, as a pattern."""
        return self.arn("states", f"execution:{self.workflow}:*")

    @property
    def packages(self) -> str:
        """The ARNs of the group's packages, as a pattern."""
        return self.arn("sagemaker", f"model-package/{self.workflow}/*")

    @property
    def bucket_arn(self) -> Later:
        """The bucket's ARN."""
        return joined(f"arn:{self.partition}:s3:::", self.bucket)

    def objects(self, *patterns: str) -> list[Later]:
        """The ARNs of the bucket's objects that match one of these keys."""
        return [joined(f"arn:{self.partition}:s3:::", self.bucket, f"/{each}") for each in patterns]

    def uri(self, key: str) -> Later:
        """The S3 URI of a key of the bucket."""
        return joined("s3://", self.bucket, f"/{key}")


def joined(*parts: Later) -> Later:
    """The parts as one text; an output where one is."""
    if all(isinstance(part, str) for part in parts):
        return "".join(parts)
    import pulumi

    return pulumi.Output.concat(*parts)
