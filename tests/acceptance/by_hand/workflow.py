"""The state machine: prepare, train, evaluate, gate, register, deploy."""

#: what the gate's job is told; docs/gate.md has every setting
GATE = {
    "gate": {
        "metric": "accuracy",
        # a champion that reads fewer of a batch's own labels than this does not recognise them: quarantine
        "floor": 0.5,
        # the challenger is deployed when it is shown to be no more than the margin worse on the batch's rows
        "rule": "not-worse",
        "margin": 0.05,
    },
    "input": {"label": "0", "header": False},
}

RETRY_FUNCTION = [
    {
        "ErrorEquals": [
            "Lambda.ServiceException",
            "Lambda.SdkClientException",
            "Lambda.TooManyRequestsException",
        ],
        "IntervalSeconds": 1,
        "MaxAttempts": 3,
        "BackoffRate": 2,
    }
]
#: how SageMaker's refusals are called: of an endpoint that exists already, or that is being changed
REFUSED = ["SageMaker.AmazonSageMakerException"]
#: another batch's deployment may take minutes
RETRY_UPDATE = [
    {
        "ErrorEquals": REFUSED,
        "IntervalSeconds": 2,
        "BackoffRate": 1.5,
        "MaxDelaySeconds": 30,
        "MaxAttempts": 30,
    }
]


def definition(*, prepare, job_role, image, endpoint, package_group, code):
    """The machine's definition as a dict; arguments are ARNs, names and S3 URIs."""
    instance = {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 10}
    return {
        "Comment": "Retrains the digits reader on a new batch and deploys it only if it is better",
        "StartAt": "Prepare",
        "States": {
            "Prepare": {
                "Type": "Task",
                "Resource": "arn:aws:states:::lambda:invoke",
                "Parameters": {"FunctionName": prepare, "Payload.$": "$"},
                "ResultSelector": {"value.$": "$.Payload"},
                "ResultPath": "$.prepared",
                "Retry": RETRY_FUNCTION,
                "Next": "Train",
            },
            "Train": {
                "Type": "Task",
                "Resource": "arn:aws:states:::sagemaker:createTrainingJob.sync",
                "Parameters": {
                    "TrainingJobName.$": "$.batch",
                    "RoleArn": job_role,
                    "AlgorithmSpecification": {
                        "TrainingImage": image,
                        "TrainingInputMode": "File",
                        "MetricDefinitions": [
                            {"Name": "out_of_bag_accuracy", "Regex": "out_of_bag_accuracy=([0-9.]+);"}
                        ],
                    },
                    "HyperParameters": {
                        "sagemaker_program": "train.py",
                        "sagemaker_submit_directory": code,
                        "n-estimators": "100",
                        "seed": "0",
                    },
                    "InputDataConfig": [
                        {
                            "ChannelName": "train",
                            "DataSource": {
                                "S3DataSource": {
                                    "S3DataType": "ManifestFile",
                                    "S3Uri.$": "$.prepared.value.train_manifest",
                                    "S3DataDistributionType": "FullyReplicated",
                                }
                            },
                        }
                    ],
                    "OutputDataConfig": {"S3OutputPath.$": "States.Format('s3://{}/models', $.bucket)"},
                    "ResourceConfig": instance,
                    "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
                },
                "ResultSelector": {"metrics.$": "$.FinalMetricDataList"},
                "ResultPath": "$.training",
                "Next": "Evaluate",
            },
            "Evaluate": {
                "Type": "Task",
                "Resource": "arn:aws:states:::sagemaker:createProcessingJob.sync",
                "Parameters": {
                    "ProcessingJobName.$": "$.batch",
                    "RoleArn": job_role,
                    "AppSpecification": {
                        "ImageUri": image,
                        "ContainerEntrypoint": ["python3", "-m", "gate"],
                    },
                    "Environment": {"PYTHONPATH": "/opt/ml/processing/code/gate.zip"},
                    "ProcessingInputs.$": "$.prepared.value.evaluation_inputs",
                    "ProcessingOutputConfig": {
                        "Outputs": [
                            {
                                "OutputName": "report",
                                "S3Output": {
                                    "S3Uri.$": "$.prepared.value.report_folder",
                                    "LocalPath": "/opt/ml/processing/report",
                                    "S3UploadMode": "EndOfJob",
                                },
                            }
                        ]
                    },
                    "ProcessingResources": {"ClusterConfig": instance},
                    "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
                },
                "ResultPath": None,
                "Next": "ReadEvidence",
            },
            "ReadEvidence": {
                "Type": "Task",
                "Resource": "arn:aws:states:::aws-sdk:s3:getObject",
                "Parameters": {"Bucket.$": "$.bucket", "Key.$": "$.prepared.value.summary_key"},
                "ResultSelector": {"value.$": "States.StringToJson($.Body)"},
                "ResultPath": "$.evidence",
                "Next": "Gate",
            },
            "Gate": {
                "Type": "Choice",
                "Choices": [
                    {
                        "Variable": "$.evidence.value.decision.outcome",
                        "StringEquals": "DEPLOY",
                        "Next": "Register",
                    },
                    {
                        "Variable": "$.evidence.value.decision.outcome",
                        "StringEquals": "QUARANTINE",
                        "Next": "Quarantine",
                    },
                ],
                "Default": "KeepChampion",
            },
            "Quarantine": {
                "Type": "Task",
                "Resource": "arn:aws:states:::aws-sdk:s3:putObject",
                "Parameters": {
                    "Bucket.$": "$.bucket",
                    "Key.$": "$.prepared.value.quarantine_key",
                    "Body.$": "$.evidence.value",
                },
                "ResultPath": None,
                "Next": "Quarantined",
            },
            "Quarantined": decided("QUARANTINED"),
            "KeepChampion": decided("KEPT"),
            "Register": {
                "Type": "Task",
                "Resource": "arn:aws:states:::aws-sdk:sagemaker:createModelPackage",
                "Parameters": {
                    "ModelPackageGroupName": package_group,
                    "ModelPackageDescription.$": "States.Format('Trained when {} arrived', $.key)",
                    "ModelApprovalStatus": "Approved",
                    "InferenceSpecification": {
                        "Containers": [{"Image": image, "ModelDataUrl.$": "$.prepared.value.challenger"}],
                        "SupportedContentTypes": ["text/csv"],
                        "SupportedResponseMIMETypes": ["text/csv"],
                    },
                    "CustomerMetadataProperties": {
                        "execution.$": "$$.Execution.Id",
                        "evidence.$": "$.prepared.value.evidence",
                        "reason.$": "$.evidence.value.decision.reason",
                    },
                },
                "ResultPath": "$.package",
                "Next": "CreateModel",
            },
            "CreateModel": {
                "Type": "Task",
                "Resource": "arn:aws:states:::sagemaker:createModel",
                "Parameters": {
                    "ModelName.$": "$.batch",
                    "ExecutionRoleArn": job_role,
                    "PrimaryContainer": {
                        "Image": image,
                        "ModelDataUrl.$": "$.prepared.value.challenger",
                        "Environment": {
                            "SAGEMAKER_PROGRAM": "inference.py",
                            "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
                        },
                    },
                },
                "ResultPath": None,
                "Next": "CreateEndpointConfig",
            },
            "CreateEndpointConfig": {
                "Type": "Task",
                "Resource": "arn:aws:states:::sagemaker:createEndpointConfig",
                "Parameters": {
                    "EndpointConfigName.$": "$.batch",
                    "ProductionVariants": [
                        {
                            "VariantName": "champion",
                            "ModelName.$": "$.batch",
                            "InitialInstanceCount": 1,
                            "InstanceType": "ml.m5.large",
                        }
                    ],
                },
                "ResultPath": None,
                "Next": "HasEndpoint",
            },
            "HasEndpoint": {
                "Type": "Choice",
                "Choices": [
                    {
                        "Variable": "$.prepared.value.has_champion",
                        "BooleanEquals": True,
                        "Next": "UpdateEndpoint",
                    }
                ],
                "Default": "CreateEndpoint",
            },
            "CreateEndpoint": {
                **deploy("createEndpoint", endpoint),
                # A batch that came at the same time was faster.
                "Catch": [{"ErrorEquals": REFUSED, "ResultPath": None, "Next": "UpdateEndpoint"}],
            },
            "UpdateEndpoint": {**deploy("updateEndpoint", endpoint), "Retry": RETRY_UPDATE},
            "AwaitEndpoint": {"Type": "Wait", "Seconds": 1, "Next": "DescribeEndpoint"},
            "DescribeEndpoint": {
                "Type": "Task",
                "Resource": "arn:aws:states:::aws-sdk:sagemaker:describeEndpoint",
                "Parameters": {"EndpointName": endpoint},
                "ResultPath": "$.endpoint",
                "Next": "IsDeployed",
            },
            "IsDeployed": {
                "Type": "Choice",
                "Choices": [
                    {
                        "And": [
                            {"Variable": "$.endpoint.EndpointStatus", "StringEquals": "InService"},
                            {"Variable": "$.endpoint.EndpointConfigName", "StringEqualsPath": "$.batch"},
                        ],
                        "Next": "Accept",
                    },
                    {
                        "Or": [
                            {"Variable": "$.endpoint.EndpointStatus", "StringEquals": "Creating"},
                            {"Variable": "$.endpoint.EndpointStatus", "StringEquals": "Updating"},
                        ],
                        "Next": "AwaitEndpoint",
                    },
                    {
                        "And": [
                            {"Variable": "$.endpoint.EndpointStatus", "StringEquals": "InService"},
                            {"Variable": "$.endpoint.FailureReason", "IsPresent": False},
                        ],
                        "Next": "Replaced",
                    },
                ],
                "Default": "DeploymentFailed",
            },
            # The next batch's model was deployed before this one was seen in service.
            "Replaced": decided("REPLACED"),
            "DeploymentFailed": {
                "Type": "Fail",
                "Error": "DeploymentFailed",
                "Cause": "The endpoint did not take the new model; the champion before it still serves.",
            },
            "Accept": {
                "Type": "Task",
                "Resource": "arn:aws:states:::aws-sdk:s3:putObject",
                "Parameters": {
                    "Bucket.$": "$.bucket",
                    "Key.$": "$.prepared.value.accepted_key",
                    "Body.$": "$.evidence.value",
                },
                "ResultPath": None,
                "Next": "Deployed",
            },
            "Deployed": decided("DEPLOYED"),
        },
    }


def decided(decision):
    """The end of a run that came to a decision."""
    return {
        "Type": "Pass",
        "Parameters": {
            "decision": decision,
            "batch.$": "$.batch",
            "reason.$": "$.evidence.value.decision.reason",
            "sentence.$": "$.evidence.value.decision.sentence",
            "comparisons.$": "$.evidence.value.comparisons",
            "evidence.$": "$.prepared.value.evidence",
        },
        "End": True,
    }


def deploy(action, endpoint):
    return {
        "Type": "Task",
        "Resource": f"arn:aws:states:::sagemaker:{action}",
        "Parameters": {"EndpointName": endpoint, "EndpointConfigName.$": "$.batch"},
        "ResultPath": None,
        "Next": "AwaitEndpoint",
    }
