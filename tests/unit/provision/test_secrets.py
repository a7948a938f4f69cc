"""Secrets in the stack's configuration and in its state file."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import stat
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from stepwell.errors import UsageError
from stepwell.provision import ciphers, project, state
from stepwell.provision.problems import ProjectInvalid, SecretsLocked, StateDamaged
from stepwell.provision.state import Resource
from stepwell.provision.values import Properties

FRESH = state.new(project="p", stack="dev", account="0" * 12, region="us-east-1", server="s1")
BUCKET, LOGS = "aws:s3/bucket:Bucket", "aws:cloudwatch/logGroup:LogGroup"
HELD = Resource(
    urn="urn:pulumi:dev::p::t::r",
    type="t",
    custom=True,
    id="r",
    inputs={"open": 1, "token": "hunter2", "deep": {"a": ["hunter2", None]}},
    outputs={"token": "hunter2", "arn": "arn"},
    secrets=["deep", "token"],
)
PASSPHRASE, SALT_BYTES = "correct horse", bytes(range(8))


@cache
def key(passphrase: str) -> bytes:
    return hashlib.pbkdf2_hmac("sha256", passphrase.encode(), SALT_BYTES, 1_000_000, 32)


def sealed(text: str, by: bytes) -> str:
    nonce = os.urandom(12)
    parts = nonce, AESGCM(by).encrypt(nonce, text.encode(), None)
    return "v1:" + ":".join(base64.b64encode(part).decode() for part in parts)


def unsealed(text: str, by: bytes) -> str:
    nonce, ciphertext = (base64.b64decode(part) for part in text.removeprefix("v1:").split(":"))
    return AESGCM(by).decrypt(nonce, ciphertext, None).decode()


@pytest.fixture(scope="module")
def salt() -> str:
    return f"v1:{base64.b64encode(SALT_BYTES).decode()}:{sealed('pulumi', key(PASSPHRASE))}"


@pytest.fixture
def folder(tmp_path: Path, salt: str) -> Path:
    """A program `p` whose stack has secrets: a text, one inside an object, and a value that is open."""
    program = tmp_path / "p"
    program.mkdir()
    (program / "__main__.py").write_text("")
    token, inner = (sealed(text, key(PASSPHRASE)) for text in ("hunter2", "ünïcode"))
    (program / "Pulumi.dev.yaml").write_text(
        f"encryptionsalt: {salt}\nconfig:\n  p:token:\n    secure: {token}\n"
        f"  deep: {{list: [1, {{secure: '{inner}'}}], secure: false}}\n  open: text\n"
    )
    return program


def _file(folder: Path) -> Path:
    return folder / "p" / "dev.json"


def test_secure_values_are_decrypted(folder: Path) -> None:
    """At any depth; their keys, and no others, are secret; the project's repr shows none."""
    told = project.read(folder, "dev", passphrase=PASSPHRASE)
    assert {**told.config, "p:deep": json.loads(told.config["p:deep"])} == {
        "p:token": "hunter2",
        "p:deep": {"list": [1, "ünïcode"], "secure": False},
        "p:open": "text",
    }
    assert told.secret_keys == {"p:token", "p:deep"}
    assert "hunter2" not in repr(told)


@pytest.mark.parametrize(
    ("passphrase", "message"),
    [
        (None, "none was given. Set PULUMI_CONFIG_PASSPHRASE, or PULUMI_CONFIG_PASSPHRASE_FILE"),
        ("wrong", "does not fit the stack's secrets. Give the one"),
        ("", "does not fit"),
    ],
)
def test_a_missing_or_wrong_passphrase_is_one_error(
    folder: Path, passphrase: str | None, message: str
) -> None:
    """It says what to do, and not what was given."""
    with pytest.raises(SecretsLocked, match=message) as caught:
        project.read(folder, "dev", passphrase=passphrase)
    assert "wrong" not in str(caught.value)


def test_a_changed_value_is_refused_by_name(folder: Path) -> None:
    """What another key encrypted does not pass for a secret."""
    path = folder / "Pulumi.dev.yaml"
    other = sealed("hunter2", bytes(32))
    lines = path.read_text().splitlines()
    path.write_text("\n".join(f"    secure: {other}" if "    secure" in line else line for line in lines))
    with pytest.raises(ProjectInvalid, match=r"value p:token in .* can't be decrypted: .*another key"):
        project.read(folder, "dev", passphrase=PASSPHRASE)


@pytest.mark.parametrize("salt", ["v2:AAAA:v1:AAAA:AAAA", "v1:AAAA", "v1:!:v1:AAAA:AAAA", "3"])
def test_a_damaged_salt_is_told(tmp_path: Path, salt: str) -> None:
    """Before any key is derived."""
    (tmp_path / "__main__.py").write_text("")
    (tmp_path / "Pulumi.dev.yaml").write_text(f"encryptionsalt: {salt}\n")
    with pytest.raises(ProjectInvalid, match="encryptionsalt"):
        project.read(tmp_path, "dev", passphrase=PASSPHRASE)


def test_the_package_is_asked_for_by_name(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only where there are secrets: a stack without any needs none."""
    for name in [name for name in sys.modules if name.split(".")[0] == "cryptography"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "cryptography", None)
    with pytest.raises(UsageError, match=r"pip install 'stepwell\[pulumi\]'"):
        project.read(folder, "dev", passphrase=PASSPHRASE)
    assert project.read(folder, "other").config == {}
    with state.held(folder, FRESH) as held:
        held.put(Resource(urn="urn:1", type="t", custom=True, inputs={"a": 1}))


def test_secrets_are_encrypted_with_a_key_beside_the_state(tmp_path: Path) -> None:
    """Inputs and outputs; the key is for its owner only, made once, and not made where nothing is secret."""
    with state.held(tmp_path, FRESH) as held:
        held.put(Resource(urn="urn:1", type="t", custom=True, inputs={"a": 1}))
        assert not _file(tmp_path).with_suffix(".key").exists()
        held.put(HELD)
        held.set_outputs({"password": "hunter2", "open": "yes"}, ["password"])
    text, file = _file(tmp_path).read_text(), _file(tmp_path).with_suffix(".key")
    assert "hunter2" not in text
    raw = json.loads(text)
    assert (raw["version"], raw["outputs"]["open"], raw["resources"][1]["inputs"]["open"]) == (2, "yes", 1)
    kept = base64.b64decode(file.read_bytes())
    inner = raw["resources"][1]["inputs"]["deep"]["ciphertext"]
    assert json.loads(unsealed(inner, kept)) == {"a": ["hunter2", None]}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with state.held(tmp_path, FRESH) as held:
        assert held.get(HELD.urn) == HELD
        assert held.content.outputs == {"password": "hunter2", "open": "yes"}
        held.set_outputs({"password": "other"}, ["password"])
    assert base64.b64decode(file.read_bytes()) == kept


def test_a_passphrase_is_the_key_where_the_stack_has_one(tmp_path: Path, salt: str) -> None:
    """No key file is made; the state is read with its own salt, also when the stack's file has lost it."""
    with state.held(tmp_path, FRESH, passphrase=PASSPHRASE, salt=salt) as held:
        held.put(HELD)
    raw = json.loads(_file(tmp_path).read_text())
    inner = raw["resources"][0]["outputs"]["token"]["ciphertext"]
    assert json.loads(unsealed(inner, key(PASSPHRASE))) == "hunter2"
    assert not _file(tmp_path).with_suffix(".key").exists()
    with pytest.raises(SecretsLocked, match="none was given"), state.held(tmp_path, FRESH):
        pytest.fail("it was accepted")
    with state.held(tmp_path, FRESH, passphrase=PASSPHRASE) as held:
        assert held.get(HELD.urn) == HELD
    with state.held(tmp_path, FRESH) as held:
        assert held.get(HELD.urn) == HELD


def test_an_old_plain_file_is_read_and_encrypted(tmp_path: Path) -> None:
    """A preview reads it and leaves it; the next other run encrypts it, whatever it does."""
    _file(tmp_path).parent.mkdir()
    inputs = {"token": "hunter2"}
    resource = {"urn": HELD.urn, "type": "t", "custom": True, "secrets": ["token"], "inputs": inputs}
    names = ("project", "stack", "account", "region", "server", "seed")
    about = {name: getattr(FRESH, name) for name in names}
    old = json.dumps({"version": 1, **about, "resources": [resource]})
    _file(tmp_path).write_text(old)
    with state.held(tmp_path, FRESH, reads=True) as held:
        assert held.resources()[0].inputs == {"token": "hunter2"}
    assert _file(tmp_path).read_text() == old
    with state.held(tmp_path, FRESH) as held:
        assert held.resources()[0].inputs == {"token": "hunter2"}
    assert "hunter2" not in _file(tmp_path).read_text()


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        (None, SecretsLocked, r"dev\.key is absent. Restore it"),
        (b"short", SecretsLocked, r"dev\.key is damaged"),
        (base64.b64encode(bytes(32)), StateDamaged, r"secret \w+ in .*dev\.json can't be decrypted"),
    ],
)
def test_a_lost_key_is_told_and_never_replaced(
    tmp_path: Path, content: bytes | None, error: type[Exception], message: str
) -> None:
    """The state stays as it is."""
    with state.held(tmp_path, FRESH) as held:
        held.put(HELD)
    before, file = _file(tmp_path).read_bytes(), _file(tmp_path).with_suffix(".key")
    file.unlink()
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(error, match=message) as caught, state.held(tmp_path, FRESH):
        pytest.fail("it was accepted")
    assert "hunter2" not in str(caught.value)
    assert _file(tmp_path).read_bytes() == before
    assert file.exists() == (content is not None)


def test_a_secret_without_a_value_yet_has_a_key(tmp_path: Path) -> None:
    """A run that was killed before the value came is continued."""
    waiting = Resource(urn="urn:1", type="t", custom=True, secrets=["token"], status="creating")
    with state.held(tmp_path, FRESH) as held:
        held.put(waiting)
    with state.held(tmp_path, FRESH) as held:
        assert held.get("urn:1") == waiting


def test_nothing_is_made_when_its_secrets_could_not_be_kept(
    play: Any, stack: Any, aws: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lack of the package is found before the first call."""

    def absent(key: bytes) -> ciphers.Cipher:
        raise UsageError("absent")

    monkeypatch.setattr(ciphers, "Cipher", absent)
    monkeypatch.setattr("stepwell.provision.vault.Cipher", absent)
    with pytest.raises(UsageError, match="absent"):
        play(lambda declare: declare(LOGS, "g", {"tags": {"k": "v"}}, secrets=("tags",)))
    assert aws.table("log-group") == {}


def test_secret_tags_are_encrypted_wherever_they_are(play: Any, stack: Any) -> None:
    """`tagsAll`, which the engine makes of them, too; and a second run has nothing to do."""

    def declared(declare: Any) -> None:
        declare(LOGS, "g", {"tags": {"k": "hunter2"}}, secrets=("tags",))

    assert play(declared).ok
    assert "hunter2" not in json.dumps(stack.recorded())
    assert set(play(declared).counts) == {"same"}


def test_a_refusal_does_not_quote_a_secret(play: Any, stack: Any) -> None:
    """What it can be is told all the same."""
    told = play(lambda declare: declare(BUCKET, "b", {"acl": "hunter2"}, secrets=("acl",)))
    (problem,) = told.errors
    assert "property acl is [secret]; it can be" in problem.message
    assert "hunter2" not in repr((told, stack.events))


def test_a_components_secrets_are_encrypted(play: Any, stack: Any) -> None:
    """Its inputs and its outputs; and a second run has nothing to do."""

    def declared(declare: Any) -> None:
        made = declare("p:m:Group", "c", {"token": "hunter2"}, custom=False, secrets=("token",))
        hidden = Properties(values={"other": "hunter2"}, secrets=frozenset({"other"}))
        declare.deployment.set_outputs(made.urn, hidden)

    assert play(declared).ok
    before = stack.recorded()
    assert "hunter2" not in json.dumps(before)
    assert play(declared).ok
    assert stack.recorded() == before


def test_a_program_gets_its_secret_configuration(stack: Any, salt: str) -> None:
    """As the SDK's secret configuration; outputs of it are secret and encrypted."""
    token = sealed("hunter2", key(PASSPHRASE))
    stack.write("name: program\nruntime: python\n", "Pulumi.yaml")
    stack.write(
        f"encryptionsalt: {salt}\nconfig:\n  token: {{secure: '{token}'}}\n  open: a\n", "Pulumi.dev.yaml"
    )
    stack.write(
        "import pulumi\n"
        "from pulumi.runtime import is_config_secret\n"
        "pulumi.export('token', pulumi.Config().require_secret('token'))\n"
        "pulumi.export('known', [is_config_secret('program:token'), is_config_secret('program:open')])\n"
    )
    outcome = stack.run("up", passphrase=PASSPHRASE)
    assert outcome.ok, outcome.errors
    assert (outcome.outputs["token"].value, outcome.outputs["token"].secret) == ("hunter2", True)
    assert outcome.outputs["known"].value == [True, False]
    assert "hunter2" not in json.dumps(stack.recorded())
    assert "hunter2" not in repr(stack.events)
    with pytest.raises(SecretsLocked, match="none was given"):
        stack.run("up")
