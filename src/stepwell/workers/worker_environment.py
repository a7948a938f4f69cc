"""The environment variables of a worker, built from nothing: none of the server's ever gets in.

User code must reach this server and never real AWS, whatever stands in the server's own environment or in
`~/.aws`: so the SDK's every source of settings is named here and pointed to where nothing is.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from stepwell.workers.processes import FOLDER_VARIABLE, ID_VARIABLE

#: math libraries that would each start one thread per core of the machine
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
#: where commands are found
PATH = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """A role's session."""

    #: `ASIA...`
    access_key_id: str
    secret_access_key: str
    session_token: str
    #: when they expire, in seconds since the epoch; None for never
    expires_at: float | None = None

    def variables(self) -> dict[str, str]:
        """The three variables in which SDKs look for them first."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
            "AWS_SESSION_TOKEN": self.session_token,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialsUrl:
    """Where a long job fetches its role's credentials, again and again."""

    #: on the loopback interface: SDKs accept plain HTTP only there
    url: str
    #: sent as the Authorization header
    token: str

    def variables(self) -> dict[str, str]:
        """The variables of AWS's container credentials provider."""
        return {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": self.url,
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": self.token,
        }


def build(
    *,
    worker_id: str,
    folder: Path,
    endpoint: str,
    region: str,
    credentials: Credentials | CredentialsUrl | None,
    variables: Mapping[str, str],
    path: str = PATH,
    threads: int | None = None,
) -> dict[str, str]:
    """All variables of one worker. `variables`, the user's and the contract's, win over defaults but never
    over what keeps the worker at this server.

    folder: the worker's own; endpoint: the server's URL; threads: for math libraries, default all cores.
    """
    cores = str(threads or os.cpu_count() or 1)
    fixed = {
        **(credentials.variables() if credentials is not None else {}),
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
        ID_VARIABLE: worker_id,
        FOLDER_VARIABLE: str(folder),
    }
    defaults = {
        "PATH": path,
        "HOME": str(folder / "home"),
        "TMPDIR": str(folder / "tmp"),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "PYTHONUNBUFFERED": "1",
        **dict.fromkeys(THREAD_VARIABLES, cores),
    }
    chosen = {name: value for name, value in variables.items() if not redirects(name)}
    return {**defaults, **chosen, **fixed}


def redirects(name: str) -> bool:
    """Whether a variable could send the SDK's requests or its search for credentials elsewhere."""
    return name.startswith(("AWS_ENDPOINT_URL_", "AWS_CONTAINER_CREDENTIALS_RELATIVE")) or name in (
        "AWS_PROFILE",
        "AWS_DEFAULT_PROFILE",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_ROLE_ARN",
    )
