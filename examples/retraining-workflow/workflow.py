"""The state machine: train, evaluate, compare with the champion, deploy the better one."""

#: what a first model must reach to be deployed at all
FLOOR = 0.8

INSTANCE = {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 10}
#: every name that a run gives: its execution's
RUN = "$$.Execution.Name"
#: the outcome of a run
REPORT, CHAMPION = "$.report", "$.champion"


def task(resource, parameters, next_state, **more):
    """A Task state, whose result is dropped unless `more` says otherwise."""
    return {
        "Type": "Task",
        "Resource": f"arn:aws:states:::{resource}",
        "Parameters": parameters,
        "ResultPath": None,
        "Next": next_state,
        **more,
    }


def read(bucket, key, into, next_state, **more):
    """A state that reads a JSON object of the bucket into the run's state."""
    parameters = {"Bucket": bucket, ("Key.$" if key.startswith("States.") else "Key"): key}
    selected = {"ResultSelector": {"found.$": "States.StringToJson($.Body)"}, "ResultPath": into}
    return task("aws-sdk:s3:getObject", parameters, next_state, **selected, **more)


def ended(decision):
    return {"Type": "Pass", "Parameters": {"decision": decision, "report.$": f"{REPORT}.found"}, "End": True}


def definition(*, bucket, image, job_role, endpoint):
    """The definition as a dict. bucket, image, endpoint: names; job_role: its ARN, or an output of it."""

    def for_run(pattern):
        """An S3 URI with the run's name in it."""
        return f"States.Format('s3://{bucket}/{pattern}', {RUN})"

    def uri(key):
        return f"s3://{bucket}/{key}"

    return {
        "Comment": "Trains a model of wines, and deploys it only if it beats the one in service",
        "StartAt": "Train",
        "States": {
            "Train": task(
                "sagemaker:createTrainingJob.sync",
                {
                    "TrainingJobName.$": RUN,
                    "RoleArn": job_role,
                    "AlgorithmSpecification": {"TrainingImage": image, "TrainingInputMode": "File"},
                    "HyperParameters": {
                        "sagemaker_program": "train.py",
                        "sagemaker_submit_directory": uri("code/sourcedir.tar.gz"),
                        "regularisation": "1.0",
                    },
                    "InputDataConfig": [
                        {
                            "ChannelName": "train",
                            "DataSource": {
                                "S3DataSource": {
                                    "S3DataType": "S3Prefix",
                                    "S3Uri": uri("data/train/"),
                                    "S3DataDistributionType": "FullyReplicated",
                                }
                            },
                        }
                    ],
                    "OutputDataConfig": {"S3OutputPath": uri("models")},
                    "ResourceConfig": INSTANCE,
                    "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
                },
                "Evaluate",
            ),
            "Evaluate": task(
                "sagemaker:createProcessingJob.sync",
                {
                    "ProcessingJobName.$": RUN,
                    "RoleArn": job_role,
                    "AppSpecification": {
                        "ImageUri": image,
                        "ContainerEntrypoint": ["python3", "/opt/ml/processing/code/evaluate.py"],
                    },
                    "ProcessingInputs": [
                        processing_input("code", {"S3Uri": uri("code/evaluate.py")}),
                        processing_input("holdout", {"S3Uri": uri("data/holdout.csv")}),
                        processing_input("model", {"S3Uri.$": for_run("models/{}/output/model.tar.gz")}),
                    ],
                    "ProcessingOutputConfig": {
                        "Outputs": [
                            {
                                "OutputName": "report",
                                "S3Output": {
                                    "S3Uri.$": for_run("reports/{}"),
                                    "LocalPath": "/opt/ml/processing/report",
                                    "S3UploadMode": "EndOfJob",
                                },
                            }
                        ]
                    },
                    "ProcessingResources": {"ClusterConfig": INSTANCE},
                    "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
                },
                "ReadReport",
            ),
            "ReadReport": read(
                bucket, f"States.Format('reports/{{}}/report.json', {RUN})", REPORT, "FindChampion"
            ),
            "FindChampion": read(
                bucket,
                "champion.json",
                CHAMPION,
                "Gate",
                Catch=[{"ErrorEquals": ["S3.NoSuchKeyException"], "ResultPath": CHAMPION, "Next": "Gate"}],
            ),
            "Gate": {
                "Type": "Choice",
                "Choices": [
                    {"Variable": f"{REPORT}.found.accuracy", "NumericLessThan": FLOOR, "Next": "TooPoor"},
                    {
                        "And": [
                            {"Variable": f"{CHAMPION}.found", "IsPresent": True},
                            {
                                "Variable": f"{REPORT}.found.accuracy",
                                "NumericLessThanEqualsPath": f"{CHAMPION}.found.accuracy",
                            },
                        ],
                        "Next": "ChampionStays",
                    },
                ],
                "Default": "CreateModel",
            },
            "TooPoor": ended("TOO_POOR"),
            "ChampionStays": ended("CHAMPION_STAYS"),
            "CreateModel": task(
                "sagemaker:createModel",
                {
                    "ModelName.$": RUN,
                    "ExecutionRoleArn": job_role,
                    "PrimaryContainer": {
                        "Image": image,
                        "ModelDataUrl.$": for_run("models/{}/output/model.tar.gz"),
                        "Environment": {
                            "SAGEMAKER_PROGRAM": "inference.py",
                            "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
                        },
                    },
                },
                "CreateEndpointConfig",
            ),
            "CreateEndpointConfig": task(
                "sagemaker:createEndpointConfig",
                {
                    "EndpointConfigName.$": RUN,
                    "ProductionVariants": [
                        {
                            "VariantName": "all",
                            "ModelName.$": RUN,
                            "InitialInstanceCount": 1,
                            "InstanceType": "ml.m5.large",
                        }
                    ],
                },
                "FindEndpoint",
            ),
            "FindEndpoint": task(
                "aws-sdk:sagemaker:describeEndpoint",
                {"EndpointName": endpoint},
                "UpdateEndpoint",
                Catch=[
                    {
                        "ErrorEquals": ["SageMaker.SageMakerException"],
                        "ResultPath": None,
                        "Next": "CreateEndpoint",
                    }
                ],
            ),
            "CreateEndpoint": deploy("createEndpoint", endpoint),
            "UpdateEndpoint": deploy("updateEndpoint", endpoint),
            "AwaitEndpoint": {"Type": "Wait", "Seconds": 1, "Next": "DescribeEndpoint"},
            "DescribeEndpoint": task(
                "aws-sdk:sagemaker:describeEndpoint",
                {"EndpointName": endpoint},
                "IsDeployed",
                ResultPath="$.endpoint",
            ),
            "IsDeployed": {
                "Type": "Choice",
                "Choices": [
                    {
                        "And": [
                            {"Variable": "$.endpoint.EndpointStatus", "StringEquals": "InService"},
                            {"Variable": "$.endpoint.EndpointConfigName", "StringEqualsPath": RUN},
                        ],
                        "Next": "RememberChampion",
                    },
                    {
                        "Or": [
                            {"Variable": "$.endpoint.EndpointStatus", "StringEquals": "Creating"},
                            {"Variable": "$.endpoint.EndpointStatus", "StringEquals": "Updating"},
                        ],
                        "Next": "AwaitEndpoint",
                    },
                ],
                "Default": "DeploymentFailed",
            },
            "DeploymentFailed": {
                "Type": "Fail",
                "Error": "DeploymentFailed",
                "Cause": "The endpoint did not take the new model; the one before it still serves.",
            },
            "RememberChampion": task(
                "aws-sdk:s3:putObject",
                {"Bucket": bucket, "Key": "champion.json", "Body.$": f"{REPORT}.found"},
                "Deployed",
            ),
            "Deployed": ended("DEPLOYED"),
        },
    }


def processing_input(name, source):
    local = {"LocalPath": f"/opt/ml/processing/{name}", "S3DataType": "S3Prefix", "S3InputMode": "File"}
    return {"InputName": name, "S3Input": {**source, **local}}


def deploy(action, endpoint):
    parameters = {"EndpointName": endpoint, "EndpointConfigName.$": RUN}
    return task(f"sagemaker:{action}", parameters, "AwaitEndpoint")
