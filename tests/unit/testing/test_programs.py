"""Pulumi programs are brought up in a test as `stepwell up` does."""

from __future__ import annotations

from pathlib import Path

import pytest

from stepwell.testing import Stepwell, UpFailed

PROGRAM = """
import pulumi, pulumi_aws as aws
config = pulumi.Config()
bucket = aws.s3.Bucket("b", bucket=config.require("bucket"))
pulumi.export("bucket", bucket.bucket)
pulumi.export("word", pulumi.Output.secret("hidden"))
"""


def program(folder: Path, text: str) -> Path:
    (folder / "Pulumi.yaml").write_text("name: tested\nruntime: python\n")
    (folder / "Pulumi.test.yaml").write_text("config:\n  tested:bucket: from-the-file\n")
    (folder / "__main__.py").write_text(text)
    return folder


def test_a_program_gives_its_outputs_and_is_configured_by_the_test(
    stepwell: Stepwell, tmp_path: Path
) -> None:
    folder = program(tmp_path, PROGRAM)
    assert stepwell.up(folder) == {"bucket": "from-the-file", "word": "hidden"}
    assert stepwell.up(folder, config={"bucket": "from-the-test"})["bucket"] == "from-the-test"
    listed = stepwell.client("s3").list_buckets()["Buckets"]
    assert [bucket["Name"] for bucket in listed] == ["from-the-test"]


def test_a_program_that_fails_says_why_and_where(stepwell: Stepwell, tmp_path: Path) -> None:
    folder = program(tmp_path, "\nraise ValueError('no such thing')\n")
    with pytest.raises(UpFailed, match=r"(?s)__main__.py:2: .*no such thing"):
        stepwell.up(folder)
