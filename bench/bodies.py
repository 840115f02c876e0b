"""What request bodies of the largest size cost: memory at the peak, and the longest time without a turn for others.

A test bounds both, with room for a busy machine: 100 ms are meant. Linux only.
"""

from __future__ import annotations

from tests.api.test_bodies import FEW, HELD, MORE, measured


def main() -> None:
    """Print a line for each body, the longest time first."""
    found = measured(FEW | MORE)
    print(f"{'body':45} {'MB':>5} {'peak, MB':>9} {'held, ms':>9}")
    for name, figures in sorted(found.items(), key=lambda each: -each[1]["held"]):
        size, peak, held = figures["size"] / 2**20, figures["peak"] / 2**20, figures["held"]
        print(f"{name:45} {size:5.1f} {peak:9.0f} {held * 1000:9.0f}{' !' if held > HELD else ''}")


if __name__ == "__main__":
    main()
