"""How much of recorded Step Functions behaviour a server has: plays recordings against it and counts.

The recordings are no part of this repository. They are a file `corpus.json` in the folder that
`STEPWELL_CONFORMANCE` names, else in `shared/conformance/asl` beside the checkout. boto3 finds the server as
always, so that any endpoint can be scored:

    eval "$(stepwell env)"; python tests/conformance/score.py [--only REGEX] [--misses]

A case is compared in five ways: how it ended (status), with what output or error (result), the error's text
(cause), its events' types, and its whole history (events). Cases that need what this server does not have
are told apart by what they use, and counted beside.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from player import Player, Score

CHECKS = ("status", "result", "cause", "types", "events")
#: recordings that took longer are not played
LONGEST_RECORDING_S = 150.0


def corpus_file() -> Path | None:
    """The file with the recordings; None where there is none."""
    beside = Path(__file__).resolve().parents[3] / "shared" / "conformance" / "asl"
    folder = Path(os.environ.get("STEPWELL_CONFORMANCE") or beside)
    return next(
        (each for each in (folder / "corpus.json", folder / "asl" / "corpus.json") if each.is_file()), None
    )


def playable(cases: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """The cases with an end that can be waited for."""
    for case in cases:
        if case["kind"] in ("logs", "mocked_execution") or "cross-account" in case["tags"]:
            continue
        if (case["source"].get("aws_call_seconds") or 0) > LONGEST_RECORDING_S:
            continue
        if case["kind"] == "execution" and case["expected"].get("status") in (
            None,
            "RUNNING?",
            "HISTORY_TRUNCATED",
        ):
            continue
        yield case


def score(file: Path, *, only: str = "", jobs: int = 8, **settings: Any) -> list[Score]:
    """Play all cases of a corpus, or those whose id a regular expression finds."""
    corpus = json.loads(file.read_text())
    player = Player(corpus["meta"]["extracted_at"], **settings)
    cases = [case for case in playable(corpus["cases"]) if re.search(only, case["id"])]
    with ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(player.play, cases))


def counts(scores: Iterable[Score]) -> dict[str, dict[str, tuple[int, int]]]:
    """By group and check, how many cases are right, and of how many that were played."""
    found: dict[str, dict[str, tuple[int, int]]] = defaultdict(dict)
    for each in scores:
        for name, right in each.checks.items():
            had, of = found[each.group].get(name, (0, 0))
            found[each.group][name] = (had + right, of + 1)
    return dict(sorted(found.items()))


def table(scores: list[Score]) -> str:
    """What there is to read."""
    lines = [f"{'group':28}" + "".join(f"{name:>12}" for name in CHECKS)]
    for group, found in counts(scores).items():
        cells = ("/".join(map(str, found[name])) if name in found else "-" for name in CHECKS)
        lines.append(f"{group:28}" + "".join(f"{cell:>12}" for cell in cells))
    lacking = Counter(" + ".join(each.needs) for each in scores if each.needs)
    lines.append(f"not played, for they need what this server does not have: {lacking.total()}")
    lines += [f"  {count:4}  {names}" for names, count in lacking.most_common()]
    return "\n".join(lines)


def main() -> int:
    """Score the server that boto3 finds."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", default="", help="play cases whose id this regular expression finds")
    parser.add_argument("--misses", action="store_true", help="show what was said where it was not right")
    parser.add_argument("--jobs", type=int, default=8)
    options = parser.parse_args()
    file = corpus_file()
    if file is None:
        sys.stderr.write("no recordings: STEPWELL_CONFORMANCE names their folder\n")
        return 2
    scores = score(file, only=options.only, jobs=options.jobs)
    sys.stdout.write(table(scores) + "\n")
    missed = [each for each in scores if not all(each.checks.values())]
    for each in missed if options.misses else ():
        wrong = [name for name, right in each.checks.items() if not right]
        sys.stdout.write(f"\n{each.case['id']}: {', '.join(wrong)}\n")
        sys.stdout.writelines(f"  {miss[:600]}\n" for miss in each.misses)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
