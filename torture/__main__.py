"""`python -m torture`: see `--help`."""

import argparse
import secrets
import sys

from torture.campaign import Campaign


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m torture", description=sys.modules["torture"].__doc__)
    parser.add_argument("--seed", type=int, default=None, help="the same again; what the kernel does first is its own")
    parser.add_argument("--kills", type=int, default=100, help="go on until so many commands were killed (100)")
    parser.add_argument("--faults", type=int, default=500, help="and so many faults were injected (500)")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="but no longer than this")
    parser.add_argument("--year", action="store_true", help="instead: 365 mornings through Dagster's own schedule")
    parser.add_argument("--zones", nargs="*", metavar="ZONE", help="instead: a year in each of these time zones (four)")
    wanted = parser.parse_args()
    seed = secrets.randbelow(10**6) if wanted.seed is None else wanted.seed
    print(f"seed {seed}", flush=True)
    if wanted.year:
        from torture.year import year

        return year(seed)
    if wanted.zones is not None:
        from torture.zones import zones

        return zones(seed, wanted.zones)
    tally = Campaign(
        seed, kills=wanted.kills, faults=wanted.faults, seconds=wanted.seconds, say=lambda line: print(line, flush=True)
    ).run()
    print("\n".join(tally.lines()))
    return 1 if tally.found else 0


if __name__ == "__main__":
    sys.exit(main())
