"""Time of trials on one core: ``python tests/benchmarks/bench_laboratory.py``."""

from __future__ import annotations

from halocast.laboratory.problems import problem_of
from halocast.laboratory.registry import MethodEntry, build
from halocast.laboratory.trial import run_trial

CASES = [
    ("lorenz96-sakov2008", 10_000, {"method": "etkf", "members": 24,
                                    "settings": {"inflation": 1.013, "rotation": 1}}),
    ("lorenz96-sakov2008", 1000, {"method": "letkf", "members": 10, "settings": {"radius": 10.9}}),
    ("lorenz96-sakov2008", 1000, {"method": "etkf", "members": 10, "localization": "observations",
                                  "radius": 6.0}),
    ("lorenz96-sakov2008", 1000, {"method": "lsmcmc-v2", "members": 100, "jitter": 0.2,
                                  "settings": {"block": [1, 1], "halo": 3}}),
    ("lorenz63-sakov2012", 1000, {"method": "sir", "members": 800, "settings": {"jitter": 0.9}}),
]  # fmt: skip


def main() -> None:
    """Print seconds of processor time; the first line is the one asked for: 10 s or less."""
    for name, cycles, given in CASES:
        problem, entry = problem_of(name), MethodEntry.model_validate(given)
        run_trial(problem, build(entry, problem), 1, 5)  # compiles
        trial = run_trial(problem, build(entry, problem), 1, cycles)
        members = given["members"]
        print(f"{name}, {given['method']} {members}: {cycles} cycles in {trial.seconds:.2f} s")


if __name__ == "__main__":
    main()
