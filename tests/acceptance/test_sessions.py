"""Keys stop working with what they stand for; whoever guesses at the workers' address is told nothing."""

from __future__ import annotations

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

import botocore.exceptions
import pytest
from running import Running


def assumable(server: Running, name: str) -> str:
    iam = server.client("iam")
    trust = {
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::000000000000:root"},
        "Action": "sts:AssumeRole",
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    return arn


def session(server: Running, arn: str) -> Any:
    keys = server.client("sts").assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
    return server.client(
        "sts",
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )


def test_a_session_ends_with_its_role_also_when_another_takes_its_name(server: Running) -> None:
    arn = assumable(server, "short-lived")
    client = session(server, arn)
    assert client.get_caller_identity()["Arn"].endswith("assumed-role/short-lived/test")
    server.client("iam").delete_role(RoleName="short-lived")
    for again in (False, True):
        if again:
            assumable(server, "short-lived")
        with pytest.raises(botocore.exceptions.ClientError) as refused:
            client.get_caller_identity()
        assert refused.value.response["Error"]["Code"] == "InvalidClientTokenId"
    assert session(server, arn).get_caller_identity()


@pytest.mark.parametrize("worker", ["none", "", "../../credentials.json", "a%0Ab", "%00", "é".encode().hex()])
@pytest.mark.parametrize("token", [b"", b"guess", b"\xe9\xff", b"x" * 4000])
def test_a_guessed_worker_or_token_is_refused_as_any_other(
    server: Running, worker: str, token: bytes
) -> None:
    address = urlsplit(server.url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=10)
    connection.request("GET", f"/_stepwell/credentials/{worker}", headers={"Authorization": token})
    answer = connection.getresponse()
    assert answer.status == 403
    assert json.loads(answer.read())["message"] == "The worker is not known, or its token is wrong"
