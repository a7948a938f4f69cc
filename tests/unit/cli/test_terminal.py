"""Text from elsewhere is shown, and not obeyed."""

from __future__ import annotations

import io
import json
import sys

import pytest

from stepwell.cli.terminal import drawing, guarded, plain

#: what somebody wrote into a reason → what is printed of it
PRINTED = {
    "labels are shifted\tby one\n": "labels are shifted\tby one\n",
    "é ✓ 数": "é ✓ 数",
    "\x1b[32mgreen\x1b[0m \x1b[1;31mred\x1b[m": "\x1b[32mgreen\x1b[0m \x1b[1;31mred\x1b[m",
    "\x1b[2J\x1b[H": "\\u001b[2J\\u001b[H",
    "\x1b]0;title\x07": "\\u001b]0;title\\u0007",
    "\x1b]52;c;cm0gLXJm\x1b\\": "\\u001b]52;c;cm0gLXJm\\u001b\\",
    "hidden \x1b[8mtext": "hidden \\u001b[8mtext",
    "black \x1b[1;30;40mon black": "black \\u001b[1;30;40mon black",
    "DEPLOY\rKEEP": "DEPLOY\\u000dKEEP",
    "back\b\b": "back\\u0008\\u0008",
    "\x9b2J": "\\u009b2J",
    "\u202eturned": "\\u202eturned",
    "half \ud800": "half \\ud800",
}


@pytest.mark.parametrize("text", PRINTED)
def test_what_a_terminal_would_obey_is_escaped(text: str) -> None:
    assert plain(text) == PRINTED[text]


def test_documents_stay_what_they_are() -> None:
    """JSON that is printed has the same values."""
    value = {"reason": "".join(PRINTED) + "".join(map(chr, range(256)))}
    assert json.loads(plain(json.dumps(value, ensure_ascii=False))) == value


def test_both_streams_are_guarded_and_drawing_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    out, err = io.StringIO(), io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    with guarded():
        sys.stdout.write("\x1b[2J\n")
        sys.stderr.write("\x1b[3J\n")
        drawing().write("\x1b[1A")
    assert (sys.stdout, sys.stderr) == (out, err)
    assert (out.getvalue(), err.getvalue()) == ("\\u001b[2J\n", "\\u001b[3J\n\x1b[1A")
