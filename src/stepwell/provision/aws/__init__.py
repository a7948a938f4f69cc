"""The resource types and invokes of Pulumi's AWS package that can be had, by token; a module per service."""

from __future__ import annotations

from collections.abc import Mapping

from stepwell.provision.aws import (
    bucket_rules,
    bucket_settings,
    event_targets,
    events,
    iam,
    iam_groups,
    iam_policies,
    iam_users,
    instance_profiles,
    lambda_,
    logs,
    objects,
    s3,
    sagemaker,
    sfn,
    sfn_activities,
    sfn_aliases,
    sns,
    sqs,
    ssm_associations,
    ssm_documents,
    ssm_parameters,
    ssm_tasks,
    ssm_windows,
    training_jobs,
)
from stepwell.provision.aws.invokes import INVOKES
from stepwell.provision.schema import ResourceType

__all__ = ["ALL", "INVOKES", "TYPES"]

#: every type
ALL: tuple[ResourceType, ...] = (
    *s3.TYPES,
    *bucket_settings.TYPES,
    *bucket_rules.TYPES,
    *objects.TYPES,
    *iam.TYPES,
    *iam_policies.TYPES,
    *iam_users.TYPES,
    *iam_groups.TYPES,
    *instance_profiles.TYPES,
    *lambda_.TYPES,
    *sfn.TYPES,
    *sfn_aliases.TYPES,
    *sfn_activities.TYPES,
    *sagemaker.TYPES,
    *training_jobs.TYPES,
    *logs.TYPES,
    *events.TYPES,
    *event_targets.TYPES,
    *sns.TYPES,
    *sqs.TYPES,
    *ssm_windows.TYPES,
    *ssm_tasks.TYPES,
    *ssm_documents.TYPES,
    *ssm_associations.TYPES,
    *ssm_parameters.TYPES,
)

#: by token
TYPES: Mapping[str, ResourceType] = {kind.token: kind for kind in ALL}
