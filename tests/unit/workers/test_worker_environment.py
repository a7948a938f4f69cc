"""Whatever the user sets, a worker's SDK talks to this server and finds no credentials but its role's."""

from __future__ import annotations

from pathlib import Path

import pytest

from stepwell.workers.worker_environment import Credentials, CredentialsUrl, build

KEYS = Credentials(access_key_id="ASIA", secret_access_key="s", session_token="t")
URL = CredentialsUrl(url="http://127.0.0.1:4566/credentials/1", token="word")


def environment(credentials: Credentials | CredentialsUrl | None = KEYS, **variables: str) -> dict[str, str]:
    return build(
        worker_id="w",
        folder=Path("/data/w"),
        endpoint="http://127.0.0.1:4566",
        region="eu-west-1",
        credentials=credentials,
        variables=variables,
    )


@pytest.mark.parametrize(
    "name",
    [
        "AWS_ENDPOINT_URL_S3",
        "AWS_PROFILE",
        "AWS_DEFAULT_PROFILE",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
        "AWS_ROLE_ARN",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    ],
)
def test_what_would_lead_the_sdk_away_is_dropped(name: str) -> None:
    assert name not in environment(**{name: "x"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:4566"),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_CONFIG_FILE", "/dev/null"),
        ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("AWS_ACCESS_KEY_ID", "ASIA"),
        ("STEPWELL_WORKER_ID", "w"),
    ],
)
def test_what_keeps_the_sdk_here_cannot_be_overridden(name: str, value: str) -> None:
    assert environment(**{name: "elsewhere"})[name] == value


def test_the_user_s_variables_win_over_defaults() -> None:
    assert environment(TZ="Europe/Berlin", OMP_NUM_THREADS="1")["TZ"] == "Europe/Berlin"
    assert environment(OMP_NUM_THREADS="1")["OMP_NUM_THREADS"] == "1"


def test_long_jobs_are_told_where_credentials_are() -> None:
    found = environment(URL)
    assert found["AWS_CONTAINER_CREDENTIALS_FULL_URI"] == URL.url
    assert found["AWS_CONTAINER_AUTHORIZATION_TOKEN"] == "word"
    assert "AWS_SESSION_TOKEN" not in found
