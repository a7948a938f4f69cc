"""The state machine: a function, a training job that is asked after, a function that judges, the registry."""

RUN = "$$.Execution.Name"
#: seconds between two questions after the training job
PATIENCE = 2
RETRY = [
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


def invoke(function, payload, into, next_state):
    """A state that calls a function and keeps its answer under `into`."""
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"FunctionName": function, "Payload": payload},
        "ResultSelector": {"answer.$": "$.Payload"},
        "ResultPath": into,
        "Retry": RETRY,
        "Next": next_state,
    }


def channel(name, uri):
    source = {"S3DataType": "S3Prefix", "S3Uri.$": uri, "S3DataDistributionType": "FullyReplicated"}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}}


def definition(*, bucket, image, job_role, package_group, prepare, judge):
    """The definition as a dict. bucket, image, package_group: names; the others: ARNs, or outputs of them."""
    return {
        "Comment": "Trains on a table, and registers the model if it is better than the last registered one",
        "StartAt": "Prepare",
        "States": {
            "Prepare": invoke(
                prepare,
                {"bucket": bucket, "key.$": "$.key", "run.$": RUN},
                "$.prepared",
                "StartTraining",
            ),
            "StartTraining": {
                "Type": "Task",
                "Resource": "arn:aws:states:::sagemaker:createTrainingJob",
                "Parameters": {
                    "TrainingJobName.$": RUN,
                    "RoleArn": job_role,
                    "AlgorithmSpecification": {
                        "TrainingImage": image,
                        "TrainingInputMode": "File",
                        "MetricDefinitions": [
                            {"Name": name, "Regex": f"{name}=([0-9.]+);"}
                            for name in ("mean_absolute_error", "guess_error")
                        ],
                    },
                    "HyperParameters": {
                        "sagemaker_program": "train.py",
                        "sagemaker_submit_directory": f"s3://{bucket}/code/sourcedir.tar.gz",
                    },
                    "InputDataConfig": [
                        channel("train", "$.prepared.answer.train"),
                        channel("held_out", "$.prepared.answer.held_out"),
                    ],
                    "OutputDataConfig": {"S3OutputPath": f"s3://{bucket}/models"},
                    "ResourceConfig": {
                        "InstanceCount": 1,
                        "InstanceType": "ml.m5.large",
                        "VolumeSizeInGB": 10,
                    },
                    "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
                },
                "ResultPath": None,
                "Next": "AwaitTraining",
            },
            "AwaitTraining": {"Type": "Wait", "Seconds": PATIENCE, "Next": "AskAfterTraining"},
            "AskAfterTraining": {
                "Type": "Task",
                "Resource": "arn:aws:states:::aws-sdk:sagemaker:describeTrainingJob",
                "Parameters": {"TrainingJobName.$": RUN},
                "ResultPath": "$.training",
                "Next": "IsTrained",
            },
            "IsTrained": {
                "Type": "Choice",
                "Choices": [
                    {
                        "Variable": "$.training.TrainingJobStatus",
                        "StringEquals": "InProgress",
                        "Next": "AwaitTraining",
                    },
                    {
                        "Variable": "$.training.TrainingJobStatus",
                        "StringEquals": "Completed",
                        "Next": "Judge",
                    },
                ],
                "Default": "TrainingFailed",
            },
            "TrainingFailed": {
                "Type": "Fail",
                "Error": "TrainingFailed",
                "CausePath": "$.training.FailureReason",
            },
            "Judge": invoke(judge, {"metrics.$": "$.training.FinalMetricDataList"}, "$.judged", "IsBetter"),
            "IsBetter": {
                "Type": "Choice",
                "Choices": [
                    {"Variable": "$.judged.answer.register", "BooleanEquals": True, "Next": "Register"}
                ],
                "Default": "NotRegistered",
            },
            "NotRegistered": ended("NOT_REGISTERED"),
            "Register": {
                "Type": "Task",
                "Resource": "arn:aws:states:::aws-sdk:sagemaker:createModelPackage",
                "Parameters": {
                    "ModelPackageGroupName": package_group,
                    "ModelPackageDescription.$": "$.judged.answer.reason",
                    "ModelApprovalStatus": "PendingManualApproval",
                    "InferenceSpecification": {
                        "Containers": [
                            {
                                "Image": image,
                                "ModelDataUrl.$": "$.training.ModelArtifacts.S3ModelArtifacts",
                            }
                        ],
                        "SupportedContentTypes": ["text/csv"],
                        "SupportedResponseMIMETypes": ["text/csv"],
                    },
                    "CustomerMetadataProperties": {"error.$": "$.judged.answer.error"},
                },
                "ResultPath": "$.registered",
                "Next": "Registered",
            },
            "Registered": ended("REGISTERED"),
        },
    }


def ended(decision):
    parameters = {"decision": decision, "judged.$": "$.judged.answer", "rows.$": "$.prepared.answer.rows"}
    return {"Type": "Pass", "Parameters": parameters, "End": True}
