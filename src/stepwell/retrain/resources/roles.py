"""Roles as resources: who takes one on, and the policy that its rights make."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from stepwell.retrain.resources import trust
from stepwell.retrain.resources.names import Names
from stepwell.retrain.resources.rights import Right
from stepwell.retrain.resources.shipping import dumped

VERSION = "2012-10-17"


@dataclass(frozen=True, kw_only=True)
class Roles:
    """Makes the roles of one workflow."""

    names: Names
    tags: Mapping[str, str]
    opts: pulumi.ResourceOptions

    def make(self, part: str, service: str, rights: Iterable[Right]) -> aws.iam.Role:
        """The role of a part, which a service takes on: `digits-train` for `train`."""
        policy = {"Version": VERSION, "Statement": [right.statement() for right in rights]}
        name = self.names.of(part)
        return aws.iam.Role(
            name,
            name=name,
            assume_role_policy=json.dumps(
                {"Version": VERSION, "Statement": [trust.statement(self.names, part, service)]}
            ),
            inline_policies=[aws.iam.RoleInlinePolicyArgs(name="rights", policy=dumped(policy))],
            tags=self.tags,
            opts=self.opts,
        )
