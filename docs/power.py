"""Writes docs/power.svg and the tables of docs/gate.md that say how small a loss the gate notices.

Run from the repository's root: `.venv/bin/python docs/power.py`. Every figure is worked out
from the gate's own tests over the exact distribution of wins and losses; nothing is drawn at random.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from stepwell.retrain.gate import mcnemar

HERE = Path(__file__).resolve().parent
ALPHA = 0.05
#: the share of rows on which exactly one of the two models is right
DISCORDANT = (0.02, 0.05, 0.1)
ROWS = (50, 100, 200, 500, 1000, 2000, 5000, 10000)
#: the chance with which a loss counts as noticed
POWER = 0.8
MARGINS = (0.01, 0.02, 0.05)
COLOURS = ("#c2185b", "#00796b", "#1565c0")
MARKS = ("<!-- power: begin -->", "<!-- power: end -->")


def binomial(trials: int, chance: float) -> Iterator[tuple[int, float]]:
    """(count, chance of it), where the chance isn't negligible."""
    if chance <= 0 or chance >= 1:
        yield (0 if chance <= 0 else trials), 1.0
        return
    middle, spread = trials * chance, math.sqrt(trials * chance * (1 - chance))
    low, high = max(0, int(middle - 7 * spread) - 2), min(trials, int(middle + 7 * spread) + 2)
    whole = math.lgamma(trials + 1)
    for count in range(low, high + 1):
        ways = whole - math.lgamma(count + 1) - math.lgamma(trials - count + 1)
        yield count, math.exp(ways + count * math.log(chance) + (trials - count) * math.log1p(-chance))


@cache
def most_wins(discordant: int) -> int:
    """The most wins of so many differing rows at which the challenger is significantly worse; -1: none."""
    wins = -1
    while wins + 1 <= discordant and mcnemar.worse(wins + 1, discordant - wins - 1) < ALPHA:
        wins += 1
    return wins


def noticed(rows: int, share: float, loss: float) -> float:
    """The chance that a true loss of accuracy is called significantly worse on so many rows."""
    found = 0.0
    for discordant, chance in binomial(rows, share):
        limit = most_wins(discordant)
        wins = (share - loss) / 2 / share
        found += chance * sum(each for count, each in binomial(discordant, wins) if count <= limit)
    return found


def least_loss(rows: int, share: float) -> float | None:
    """The least loss that is noticed with POWER; None where even the greatest possible is not."""
    low, high = 0.0, share
    if noticed(rows, share, high * (1 - 1e-9)) < POWER:
        return None
    for _ in range(18):
        middle = (low + high) / 2
        low, high = (low, middle) if noticed(rows, share, middle) >= POWER else (middle, high)
    return high


def rows_for(share: float, margin: float) -> int:
    """Rows from which on two equally good models pass `not-worse` with POWER."""

    def passes(rows: int) -> float:
        found = 0.0
        for discordant, chance in binomial(rows, share):
            for won, each in binomial(discordant, 0.5):
                if mcnemar.not_worse(won, discordant - won, rows, margin) < ALPHA:
                    found += chance * each
        return found

    low, high = 10, 20000
    while high - low > max(1, low // 100):
        middle = (low + high) // 2
        low, high = (low, middle) if passes(middle) >= POWER else (middle, high)
    return high


def tables(losses: dict[tuple[float, int], float | None]) -> Iterator[str]:
    yield "The least true loss of accuracy that trusted rows show (exact McNemar, alpha 0.05, power 0.8):"
    yield ""
    yield "| rows | " + " | ".join(f"{share:.0%} of rows differ" for share in DISCORDANT) + " |"
    yield "| ---: |" + " ---: |" * len(DISCORDANT)
    for rows in ROWS:
        cells = [losses[share, rows] for share in DISCORDANT]
        shown = ["none" if loss is None else f"{100 * loss:.2f} points" for loss in cells]
        yield f"| {rows:,} | " + " | ".join(shown) + " |"
    yield ""
    yield "Rows that it takes until two equally good models pass `not-worse` four times of five:"
    yield ""
    yield "| margin | " + " | ".join(f"{share:.0%} of rows differ" for share in DISCORDANT) + " |"
    yield "| ---: |" + " ---: |" * len(DISCORDANT)
    for margin in MARGINS:
        needed = (f"{rows_for(share, margin):,}" for share in DISCORDANT)
        yield f"| {margin:g} | " + " | ".join(needed) + " |"


def plot(losses: dict[tuple[float, int], float | None]) -> str:
    """The first table as a picture: both axes are logarithmic."""
    left, top, width, height = 70, 20, 560, 300

    def x(rows: float) -> float:
        return left + width * math.log(rows / ROWS[0]) / math.log(ROWS[-1] / ROWS[0])

    def y(loss: float) -> float:
        return top + height * (1 - math.log(loss / 0.001) / math.log(0.1 / 0.001))

    style = 'font-family="sans-serif" font-size="12" fill="#555"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {left + width + 20} {top + height + 60}">'
    ]
    lines.append(f'<rect width="{left + width + 20}" height="{top + height + 60}" fill="white"/>')
    for loss in (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1):
        lines.append(f'<path d="M{left} {y(loss):.1f}h{width}" stroke="#ddd"/>')
        lines.append(
            f'<text x="{left - 8}" y="{y(loss) + 4:.1f}" text-anchor="end" {style}>{100 * loss:g}</text>'
        )
    for rows in ROWS:
        lines.append(f'<path d="M{x(rows):.1f} {top}v{height}" stroke="#ddd"/>')
        lines.append(
            f'<text x="{x(rows):.1f}" y="{top + height + 18}" text-anchor="middle" {style}>{rows}</text>'
        )
    for share, colour in zip(DISCORDANT, COLOURS, strict=True):
        points = [(x(rows), y(loss)) for rows in ROWS if (loss := losses[share, rows]) is not None]
        path = "L".join(f"{a:.1f} {b:.1f}" for a, b in points)
        lines.append(f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        a, b = points[0]
        lines.append(
            f'<text x="{a + 6:.1f}" y="{b - 6:.1f}" {style.replace("#555", colour)}>{share:.0%} differ</text>'
        )
    middle = left + width / 2
    lines.append(
        f'<text x="{middle}" y="{top + height + 42}" text-anchor="middle" {style}>trusted rows</text>'
    )
    turned = f'transform="translate(18 {top + height / 2}) rotate(-90)" text-anchor="middle"'
    lines.append(f"<text {turned} {style}>least loss noticed, points of accuracy</text>")
    return "\n".join([*lines, "</svg>"]) + "\n"


def main() -> None:
    losses = {(share, rows): least_loss(rows, share) for share in DISCORDANT for rows in ROWS}
    (HERE / "power.svg").write_text(plot(losses))
    text = "\n".join(tables(losses))
    page = HERE / "gate.md"
    before, rest = page.read_text().split(MARKS[0])
    page.write_text(f"{before}{MARKS[0]}\n{text}\n{MARKS[1]}{rest.split(MARKS[1])[1]}")
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    main()
