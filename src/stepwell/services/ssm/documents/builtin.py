"""Documents that AWS provides: the one that this machine can run."""

from __future__ import annotations

import json
from functools import lru_cache

from stepwell.services.ssm.documents.records import Document, Version, hashed

RUN_SHELL_SCRIPT = "AWS-RunShellScript"

#: parameters and their defaults: the user guide, "AWS-RunShellScript"
_CONTENT = {
    "schemaVersion": "1.2",
    "description": "Run a shell script or specify the commands to run.",
    "parameters": {
        "commands": {
            "type": "StringList",
            "description": "The script's lines, or paths of scripts on the instance.",
            "minItems": 1,
            "displayType": "textarea",
        },
        "workingDirectory": {
            "type": "String",
            "default": "",
            "description": "The folder in which the script starts.",
            "maxChars": 4096,
        },
        "executionTimeout": {
            "type": "String",
            "default": "3600",
            "description": "Seconds that the script may run: 3600 unless given, at most 172800.",
            "allowedPattern": (
                "^([1-9][0-9]{0,4}|1[0-6][0-9]{4}|17[0-1][0-9]{3}|172[0-7][0-9]{2}|172800)$"
                r"|^(\{\{ssm:.*\}\})$"
            ),
        },
    },
    "runtimeConfig": {
        "aws:runShellScript": {
            "properties": [
                {
                    "id": "0.aws:runShellScript",
                    "runCommand": "{{ commands }}",
                    "workingDirectory": "{{ workingDirectory }}",
                    "timeoutSeconds": "{{ executionTimeout }}",
                }
            ]
        }
    },
}
#: 2020-09-14, seconds since the epoch: older than every document of a user
_CREATED = 1_600_041_600.0


@lru_cache(maxsize=1)
def documents() -> dict[str, tuple[Document, Version]]:
    """AWS's documents and their one version, by name."""
    content = json.dumps(_CONTENT, indent=2)
    document = Document(
        name=RUN_SHELL_SCRIPT, owner="Amazon", created=_CREATED, latest=1, default=1, numbers=[1]
    )
    version = Version(
        name=RUN_SHELL_SCRIPT, number=1, content=content, format="JSON", created=_CREATED, **hashed(content)
    )
    return {RUN_SHELL_SCRIPT: (document, version)}
