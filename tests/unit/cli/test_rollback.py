"""`rollback`: what is asked of the server, what is said of its answers, and the exit code."""

from datetime import UTC, datetime

import pytest

BEGAN = datetime(2026, 11, 20, 12, tzinfo=UTC)
PACKAGE = "arn:aws:sagemaker:eu-west-3:000000000000:model-package/digits"


def deployment(number, status, version, **more):
    return {
        "Number": number,
        "EndpointConfigName": f"digits-{version}",
        "Models": [
            {"VariantName": "v", "ModelName": f"m{version}", "ModelPackageArn": f"{PACKAGE}/{version}"}
        ],
        "Status": status,
        "Action": "update",
        "RequestedBy": "arn:aws:iam::000000000000:user/ann",
        "CreationTime": BEGAN,
        **more,
    }


@pytest.fixture
def endpoint(server):
    """An endpoint `digits` that comes up on the second look."""
    looks = []
    ends = {}

    def listed(request):
        looks.append(request)
        coming = deployment(3, "Deploying", 1) if len(looks) == 1 else deployment(3, "InService", 1, **ends)
        return {"Deployments": [coming, deployment(2, "InService", 2)]}

    server.answers |= {
        "ListEndpoints": lambda _: {
            "Endpoints": [
                {
                    "EndpointName": "digits",
                    "EndpointArn": "arn:aws:sagemaker:eu-west-3:000000000000:endpoint/digits",
                    "CreationTime": BEGAN,
                    "LastModifiedTime": BEGAN,
                    "EndpointStatus": "InService",
                }
            ]
        },
        "RollbackEndpoint": lambda request: {
            "EndpointArn": "arn:...",
            "From": deployment(2, "InService", 2),
            "To": deployment(3, "Deploying", 1),
        },
        "ListDeployments": listed,
    }
    server.ends = ends
    return server


def asked(server, name="RollbackEndpoint"):
    return [request for operation, request in server.asked if operation == name]


def test_one_word_waits_until_it_serves(run, endpoint):
    ended = run("rollback", "digits")
    assert (ended.code, ended.out) == (0, "digits serves package digits/1 (configuration digits-1)\n")
    assert ended.err.startswith("digits: package digits/2 (configuration digits-2) -> package digits/1")
    assert len(asked(endpoint, "ListDeployments")) == 2
    (request,) = asked(endpoint)
    assert request.pop("ClientToken")
    assert request == {"EndpointName": "digits"}


@pytest.mark.parametrize(
    ("options", "sent"),
    [
        (["--to", "7"], {"ModelPackageVersion": 7}),
        (["--to", f"{PACKAGE}/7"], {"ModelPackageArn": f"{PACKAGE}/7"}),
        (["--reason", "sevens"], {"Reason": "sevens"}),
    ],
)
def test_package_and_reason_are_handed_over(run, endpoint, options, sent):
    assert run("rollback", "dig", *options).code == 0
    (request,) = asked(endpoint)
    request.pop("ClientToken")
    assert request == {"EndpointName": "digits", **sent}


def test_what_does_not_come_up_is_exit_code_1_with_the_reason(run, endpoint):
    endpoint.ends |= {"Status": "Failed", "FailureReason": "no ping"}
    ended = run("rollback", "digits")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.endswith(
        "no ping\ndigits did not take it and serves package digits/2 (configuration digits-2) on\n"
    )


def test_without_waiting_it_is_about_to_serve(run, endpoint):
    ended = run("rollback", "digits", "--no-wait")
    assert ended.out.startswith("digits is about to serve package digits/1")
    assert not asked(endpoint, "ListDeployments")


def test_json_is_the_deployment(run, endpoint):
    assert run("rollback", "digits", "--json").value["Status"] == "InService"
    assert [each["Number"] for each in run("rollback", "digits", "--list", "--json").value] == [3, 2]


def test_a_list_only_lists(run, endpoint):
    ended = run("rollback", "digits", "--list")
    assert ended.code == 0 and "user/ann" in ended.out
    assert not asked(endpoint)
    assert run("rollback", "digits", "--list", "--reason", "x").code == 2


def test_an_unknown_endpoint_names_those_there_are(run, endpoint):
    ended = run("rollback", "letters")
    assert (ended.code, ended.err) == (1, "stepwell: there is no endpoint 'letters'. There are: digits\n")
