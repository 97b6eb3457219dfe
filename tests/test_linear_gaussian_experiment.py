"""The linear-Gaussian experiment against the exact Kalman filter (paper, section 5.1, Table 2).

Published, root-mean-square difference from the Kalman filter's mean: V2 0.0071, LETKF 0.0072; no
assimilation at all 0.0074 at the public generator's coverage of 3.8 %.
"""

from __future__ import annotations

from pathlib import Path

import halocast
import numpy as np
import pytest
from halocast.config import find_run_file, read_settings
from halocast.engines import SerialEngine
from halocast.runs import carry_out, create_run, run_scores


@pytest.mark.parametrize(("coverage", "without"), [("paper", 0.0134), ("public-generator", 0.0074)])
def test_v2_is_next_to_the_exact_filter(coverage: str, without: float, tmp_path: Path) -> None:
    settings = read_settings(find_run_file("linear-gaussian"), [f"data.twin.coverage={coverage}"])
    assert settings.time.cycles == 100
    assert settings.ensemble.members == 50
    assert settings.block == (2, 3)
    create_run(settings, tmp_path / "run")
    carry_out(tmp_path / "run", SerialEngine())
    rows = {(r["what"], r["against"]): r for r in run_scores(tmp_path / "run")}
    analysis, free = rows["analysis", "kalman-filter"], rows["free-run", "kalman-filter"]
    assert analysis["rmse"] <= 0.0005
    assert free["rmse"] == pytest.approx(without, abs=0.0004)
    exact = halocast.open_run(tmp_path / "run")["kalman_filter/spread"]["z"].values
    exact_spread = np.sqrt((exact**2).mean(axis=(1, 2))).mean()
    assert analysis["spread"] == pytest.approx(exact_spread, rel=0.03)
    print(f"{coverage}: rmse {analysis['rmse']:.5f}, spread {analysis['spread']:.5f} "
          f"(exact {exact_spread:.5f})")  # fmt: skip
