"""What a server has, by its own lists; but for the roles that services make for themselves, which stay."""

from __future__ import annotations

from typing import Any

from running import Running

#: service, operation, where its answer has the items, what names one (None: they are names)
LISTS = (
    ("events", "list_event_buses", "EventBuses", "Name"),
    ("events", "list_rules", "Rules", "Name"),
    ("iam", "list_groups", "Groups", "GroupName"),
    ("iam", "list_instance_profiles", "InstanceProfiles", "InstanceProfileName"),
    ("iam", "list_policies", "Policies", "PolicyName"),
    ("iam", "list_roles", "Roles", "Arn"),
    ("iam", "list_users", "Users", "UserName"),
    ("lambda", "list_functions", "Functions", "FunctionName"),
    ("logs", "describe_log_groups", "logGroups", "logGroupName"),
    ("s3", "list_buckets", "Buckets", "Name"),
    ("sagemaker", "list_endpoint_configs", "EndpointConfigs", "EndpointConfigName"),
    ("sagemaker", "list_endpoints", "Endpoints", "EndpointName"),
    ("sagemaker", "list_model_package_groups", "ModelPackageGroupSummaryList", "ModelPackageGroupName"),
    ("sagemaker", "list_models", "Models", "ModelName"),
    ("sqs", "list_queues", "QueueUrls", None),
    ("ssm", "describe_maintenance_windows", "WindowIdentities", "Name"),
    ("ssm", "describe_parameters", "Parameters", "Name"),
    ("ssm", "list_associations", "Associations", "AssociationId"),
    ("ssm", "list_documents", "DocumentIdentifiers", "Name"),
    ("stepfunctions", "list_state_machines", "stateMachines", "name"),
)
#: what narrows a list to what users have made
OWN: dict[str, dict[str, Any]] = {
    "list_policies": {"Scope": "Local"},
    "list_documents": {"Filters": [{"Key": "Owner", "Values": ["Self"]}]},
}


def inventory(running: Running) -> dict[str, list[str]]:
    """The names of all that users have made, by the operation that lists it."""
    found = {}
    for service, operation, items, name in LISTS:
        answer = getattr(running.client(service), operation)(**OWN.get(operation, {}))
        names = (each[name] if name else each for each in answer.get(items, ()))
        found[operation] = sorted(each for each in names if ":role/aws-service-role/" not in each)
    return found
