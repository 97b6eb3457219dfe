"""What window methods become in limits that are known, and what is refused before a run."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from block_runs import Make, section
from halocast.blas import one_thread
from halocast.check import check_run
from halocast.errors import ConfigError
from halocast.filters import FILTERS, LABORATORY, LetkfSettings
from halocast.filters.base import make_group
from halocast.filters.kalman import ekf, oi, var3d, var4d
from halocast.filters.sigma_point import ukf
from halocast.filters.window_methods import WINDOW_METHODS
from halocast.grid import Grid
from halocast.localization.blocks import partition
from halocast.localization.taper import gaspari_cohn
from halocast.noise import ModelNoise
from window_cases import FIELDS, SHAPE, STATIC, N, Scene, joined, random_scene, settings_of

KALMAN = ("ensrf", "potter", "eakf", "etkf", "denkf", "enkf")


def letkf(scene: Scene, **options: object) -> np.ndarray:
    """Members of the LETKF on the whole field, (m, F, N)."""
    settings = LetkfSettings.model_validate({"method": "letkf", **options})
    grid = Grid.plane(*SHAPE, 1.0, 1.0, periodic=(False, True))
    blocks = partition(SHAPE, settings.block)
    group = make_group(
        np.arange(blocks.n_blocks), blocks,
        FILTERS["letkf"].incidence(settings, blocks, scene.seen.cell, grid), scene.seen,
        scene.forecast, scene.noise, ModelNoise.independent(scene.noise_sd, grid), grid=grid,
        seed=11, cycle=3,
    )  # fmt: skip
    out = np.empty_like(scene.forecast)
    out[:, :, group.cells] = FILTERS["letkf"].update(group, settings).members
    return out


def test_blocks_of_one_cell_make_the_etkf_the_letkf() -> None:
    scene = random_scene()
    settings = settings_of("etkf", block=(1, 1), halo=4.0)
    found = joined(scene, settings, [np.arange(N)]).members
    np.testing.assert_allclose(found, letkf(scene, halo=4.0), atol=1e-12)
    np.testing.assert_array_equal(letkf(scene, halo=4.0), letkf(scene, radius=2.0))


def test_one_block_without_taper_makes_the_etkf_the_global_one() -> None:
    scene = random_scene()
    settings = settings_of("etkf", block=SHAPE, halo=0.0)
    found = joined(scene, settings, [np.arange(1)]).members
    np.testing.assert_allclose(found, letkf(scene, radius=1e7), atol=1e-12)


@pytest.mark.parametrize("method", KALMAN)
def test_schur_localization_of_far_things_is_the_global_kalman_mean(method: str) -> None:
    scene = random_scene(p=12)
    settings = settings_of(method, block=SHAPE, halo=0.0)
    one = joined(scene, settings, [np.arange(1)])
    other = letkf(scene, radius=1e7).mean(axis=0)
    np.testing.assert_allclose(one.members.mean(axis=0), other, atol=1e-12)
    if "covariances" in WINDOW_METHODS[method].localization:
        wide = settings_of(method, block=SHAPE, halo=10_000.0, localization="covariances")
        far = joined(scene, wide, [np.arange(1)])
        np.testing.assert_allclose(far.members, one.members, atol=1e-4)


def test_a_single_observation_acts_within_its_halo_as_the_taper_says() -> None:
    scene = random_scene(p=1)
    settings = settings_of("ensrf", block=SHAPE, halo=4.0, localization="covariances")
    found = joined(scene, settings, [np.arange(1)])
    before = (scene.forecast + scene.noise).mean(axis=0)
    wide = joined(scene, settings_of("ensrf", block=SHAPE, halo=0.0), [np.arange(1)])
    cell = int(scene.seen.cell[0])
    row, column = np.divmod(np.arange(N), SHAPE[1])
    across = np.abs(column - cell % SHAPE[1])
    across = np.minimum(across, SHAPE[1] - across)  # the field is periodic from west to east
    distance = np.hypot(row - cell // SHAPE[1], across)
    taper = np.tile(gaspari_cohn(distance / 2.0), (FIELDS, 1))
    moved, full = found.members.mean(axis=0) - before, wide.members.mean(axis=0) - before
    np.testing.assert_allclose(moved, taper * full, atol=1e-14)
    blind = np.tile(distance >= 4.0, (FIELDS, 1))
    ahead = scene.forecast + scene.noise
    np.testing.assert_allclose(found.members[:, blind], ahead[:, blind], atol=1e-15)


def test_linear_algebra_has_one_thread_inside_and_what_it_had_outside() -> None:
    def decompose() -> np.ndarray:
        with one_thread():
            return np.linalg.eigh(matrix)[1]

    rows = np.random.default_rng(0).normal(size=(120, 120))
    matrix = rows @ rows.T
    with one_thread():
        inside = np.linalg.eigh(matrix)[1]
    np.testing.assert_array_equal(inside, decompose())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{method: etkf, inflation: -1}", r"filter\.inflation = -1: .*greater than 0"),
        ("{method: etkf, halo: -2}", r"filter\.halo = -2: .*greater than or equal to 0"),
        ("{method: etkf, halo: 0.5}", r"halo 0\.5 is smaller than the taper needs.*use more"),
        ("{method: etkf, halo: .inf}", r"filter\.halo = inf"),
        ("{method: etkf, block: [0, 3]}", r"block \[0, 3\] has no cells: give 1 or more"),
        ("{method: etkf, hallo: 3}", r"filter\.hallo: unknown key; did you mean 'halo'"),
        ("{method: etkf, localization: covariances}", "not for etkf.*use observations"),
        ("{method: lpf, localization: observations}", "not for lpf.*use covariances"),
        ("{method: denkf, localization: covariances, taper: paper}", "use continuous"),
        ("{method: wenkf, halo: 3}", "halo 3 lets a block see.*wenkf.*use 0"),
        ("{method: enkpf, gamma: 1.5}", r"filter\.gamma = 1\.5"),
        ("{method: ensrf, adaptive: {by: anderson, sdd: 1}}", "adaptive.sdd: .*'sd'"),
        ("{method: etkg}", r"filter\.method = 'etkg': unknown; did you mean 'etkf'"),
        ("{method: letkf, radius: 2, halo: 4}", "give the localization once"),
    ],
)
def test_a_run_file_with_a_bad_setting_is_refused(text: str, said: str, linear: Make) -> None:
    with pytest.raises(ConfigError, match=re.compile(said, re.DOTALL)):
        linear(f"filter={text}")


@pytest.mark.parametrize("method", LABORATORY)
def test_methods_of_small_problems_are_refused_with_their_size(method: str, linear: Make) -> None:
    with pytest.raises(ConfigError, match=f"filter.method = '{method}'.*scoreboard") as caught:
        linear(f"filter={{method: {method}}}")
    stops_at = LABORATORY[method].stops_at
    assert stops_at is None or f"stops at {stops_at:,} scalars" in str(caught.value)


def test_the_sizes_are_those_the_methods_stop_at() -> None:
    known = {
        "kf": ekf.LARGEST, "ekf": ekf.LARGEST, "oi": oi.LARGEST, "3dvar": var3d.LARGEST,
        "4dvar": var4d.LARGEST, "ukf": ukf.LARGEST, "cdkf": ukf.LARGEST,
    }  # fmt: skip
    assert known == {n: r.stops_at for n, r in LABORATORY.items() if r.stops_at is not None}
    assert not LABORATORY.keys() & FILTERS.keys()


def test_one_word_changed_is_another_method(linear: Make) -> None:
    for method in [*WINDOW_METHODS, "letkf", "lsmcmc-v2", "bridge"]:
        if method in ("python", "tail-etkf", *STATIC):  # these need more
            continue
        own_only = method in WINDOW_METHODS and WINDOW_METHODS[method].own_only
        halo = 0 if own_only else 3
        settings = linear(f"filter={{method: {method}, block: [4, 4], halo: {halo}}}")
        assert settings.filter.method == method
        assert settings.block == (4, 4)


def test_hybrids_without_a_static_share_are_the_etkf() -> None:
    scene, every = random_scene(), [np.arange(15)]
    expected = joined(scene, settings_of("etkf", halo=0.0), every).members
    for method, none in (
        ("hybrid-covariance", {"dynamic_share": 1.0}),
        ("hybrid-gain", {"static_share": 0.0}),
    ):
        found = joined(scene, settings_of(method, halo=0.0, **none), every).members
        np.testing.assert_allclose(found, expected, atol=1e-12)
        mixed = joined(scene, settings_of(method, halo=0.0), every).members
        assert np.abs(mixed - expected).max() > 1e-3


def test_static_states_that_do_not_fit_are_refused(linear: Make, tmp_path: Path) -> None:
    np.save(tmp_path / "states.npy", np.zeros((5, 2, 3)))
    for name, said in (("states.npy", r"\(m_s, 1, 16, 20\)"), ("none.npy", "no npy file")):
        settings = linear(f"filter={{method: hybrid-gain, static: {tmp_path / name}}}")
        assert any(re.search(said, problem) for problem in check_run(settings))
    with pytest.raises(ConfigError, match="adaptive inflation is not for hybrid"):
        linear("filter={method: hybrid-gain, static: a.npy, adaptive: {by: miyoshi}}")


def test_an_ensemble_of_one_is_refused_by_check(linear: Make) -> None:
    settings = linear(section("etkf"), "ensemble.members=1")
    assert any("ensemble.members = 1: etkf" in problem for problem in check_run(settings))


def test_members_with_weights_cannot_be_lost(linear: Make) -> None:
    with pytest.raises(ConfigError, match="on_failure = 'drop': sir may remember"):
        linear(section("sir"), "ensemble.on_failure=drop")
    assert linear(section("etkf"), "ensemble.on_failure=drop").filter.method == "etkf"
