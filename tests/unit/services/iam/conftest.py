"""IAM and STS in a server without edges."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import Harness
from services.iam.documents import LAMBDA, Ask

from stepwell.services import iam, sts


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Harness]:
    with Harness(tmp_path) as harness:
        yield harness.serve([iam.service(), sts.service()], timers=sts.timers())


@pytest.fixture
def ask(server: Harness) -> Ask:
    return lambda operation, **params: server.call("iam", operation, **params)


@pytest.fixture
def entities(ask: Ask) -> dict[str, str]:
    """A role, a user and a group, all named `one`: their ARNs."""
    role = ask("CreateRole", RoleName="one", AssumeRolePolicyDocument=LAMBDA)["Role"]["Arn"]
    user = ask("CreateUser", UserName="one")["User"]["Arn"]
    group = ask("CreateGroup", GroupName="one")["Group"]["Arn"]
    return {"Role": role, "User": user, "Group": group}
