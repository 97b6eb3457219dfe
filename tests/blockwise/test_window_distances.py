"""Windows that measure in kilometres, see land, or have factors between variables."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from block_runs import Make
from halocast.check import check_run
from halocast.config import find_run_file, read_settings, validate_settings
from halocast.errors import ConfigError
from halocast.filters import FILTERS, LetkfSettings
from halocast.filters.base import BlockObservations, make_group
from halocast.filters.local_settings import LocalSettings
from halocast.filters.window_methods import WINDOW_METHODS, WINDOW_SETTINGS
from halocast.filters.window_tapers import Tapers, factors_between
from halocast.grid import Grid
from halocast.localization.blocks import partition
from halocast.noise import ModelNoise
from halocast.samplers.densities import GAUSSIAN, IDENTITY
from hypothesis import given, settings
from hypothesis import strategies as st
from window_cases import OWN

SHAPE, VARIABLES = (12, 16), ("ssh", "t", "t")
N, FIELDS = SHAPE[0] * SHAPE[1], 3
SPIT = 8  # its column, from the south to two rows below the north
OPEN = Grid.sphere(40.0, 46.0, 12, 0.0, 8.0, 16)
KM = {"halo": 200.0, "distance": "great-circle"}
WATER = {"halo": 200.0, "distance": "water"}
SCHUR = {"localization": "covariances"}
TAPERED = [
    name
    for name, method in WINDOW_METHODS.items()
    if "covariances" in method.localization and "static" not in method.settings.model_fields
]


def land() -> Grid:
    sea = np.ones(SHAPE, dtype=bool)
    sea[:10, SPIT] = False
    return Grid.sphere(40.0, 46.0, 12, 0.0, 8.0, 16, sea=sea)


def chosen(method: str, **options: Any) -> LocalSettings:
    own = {"class": "my_filter:Nudge", "source": OWN} if method == "python" else {}
    given = {"method": method, "block": (4, 4), **own, **options}
    return WINDOW_SETTINGS[method].model_validate(given)


class Scene:
    """Members and observations (field, cell) of a grid."""

    def __init__(self, field: np.ndarray, cell: np.ndarray, seed: int = 0, m: int = 8) -> None:
        rng, p = np.random.default_rng(seed), field.size
        self.forecast = 0.5 * rng.normal(size=(m, FIELDS, N))
        self.noise = 0.2 * rng.normal(size=(m, FIELDS, N))
        self.seen = BlockObservations(
            rng.permutation(1000)[:p], field * N + cell, field, cell, rng.normal(size=p),
            rng.uniform(0.3, 0.6, p), np.full(p, IDENTITY, "i4"), np.zeros(p), np.ones(p),
            np.full(p, GAUSSIAN, "i1"), np.full(p, 3.0),
        )  # fmt: skip

    @property
    def ahead(self) -> np.ndarray:
        return self.forecast + self.noise

    def group(self, settings: Any, grid: Grid, numbers: np.ndarray | None = None):
        blocks = partition(SHAPE, settings.block)
        seen = FILTERS[settings.method].incidence(settings, blocks, self.seen.cell, grid)
        return make_group(
            np.arange(blocks.n_blocks) if numbers is None else numbers, blocks, seen, self.seen,
            self.forecast, self.noise, ModelNoise.independent(np.full((FIELDS, N), 0.2), grid),
            grid=grid, seed=5, cycle=2,
        )._replace(variables=VARIABLES)  # fmt: skip

    def analysed(self, settings: Any, grid: Grid = OPEN, groups: int = 1) -> np.ndarray:
        """Members after the update, (m, F, N)."""
        out = np.empty_like(self.forecast)
        every = np.arange(partition(SHAPE, settings.block).n_blocks)
        for numbers in np.array_split(every, groups):
            group = self.group(settings, grid, numbers)
            out[:, :, group.cells] = FILTERS[settings.method].update(group, settings).members
        return out


def scattered(p: int = 20, seed: int = 0) -> Scene:
    rng = np.random.default_rng(seed)
    cell = rng.integers(0, N, p)
    cell += cell % SHAPE[1] == SPIT  # none on the spit
    return Scene(rng.integers(0, FIELDS, p), cell, seed)


def beside_the_spit() -> tuple[Scene, np.ndarray]:
    """One observation just west of the spit, far from its end; the cells just east of it."""
    scene = Scene(np.array([0]), np.array([3 * SHAPE[1] + SPIT - 1]))
    return scene, (np.arange(1, 6) * SHAPE[1] + SPIT + 1)


@pytest.mark.parametrize("options", [{**SCHUR, "block": SHAPE}, {"block": (1, 1)}])
@pytest.mark.parametrize("method", ["ensrf", "enkf", "denkf", "enkpf", "rhf"])
def test_across_a_spit_nothing_changes_by_water(method: str, options: dict[str, Any]) -> None:
    scene, behind = beside_the_spit()
    straight = scene.analysed(chosen(method, **KM, **options), land())
    around = scene.analysed(chosen(method, **WATER, **options), land())
    before = scene.ahead
    np.testing.assert_array_equal(around[:, :, behind], before[:, :, behind])
    assert (straight[:, 0, behind] != before[:, 0, behind]).any(axis=0).all()
    here = scene.seen.cell[0] - np.arange(3)
    np.testing.assert_allclose(around[:, :, here], straight[:, :, here], rtol=0, atol=1e-14)
    on_land = ~land().sea.ravel()
    np.testing.assert_array_equal(around[:, :, on_land], before[:, :, on_land])


def test_round_the_end_of_the_spit_the_way_is_longer() -> None:
    scene = Scene(np.array([0]), np.array([9 * SHAPE[1] + SPIT - 1]))
    across = 9 * SHAPE[1] + SPIT + 1
    moved = {}
    for name, measure in (("straight", KM), ("round", WATER)):
        found = scene.analysed(chosen("ensrf", **measure, **SCHUR), land())
        moved[name] = np.abs(found - scene.ahead)[:, 0, across].max()
    assert 0 < moved["round"] < 0.8 * moved["straight"]


@pytest.mark.parametrize("options", [{}, SCHUR])
@pytest.mark.parametrize("method", ["ensrf", "enkf", "rhf"])
def test_in_open_water_the_way_is_the_great_circle(method: str, options: dict[str, Any]) -> None:
    scene = scattered()
    one = scene.analysed(chosen(method, **KM, **options))
    np.testing.assert_array_equal(one, scene.analysed(chosen(method, **WATER, **options)))
    assert (one != scene.ahead).any()


@pytest.mark.parametrize("options", [{}, SCHUR])
def test_on_a_plane_of_square_kilometres_kilometres_are_cells(options: dict[str, Any]) -> None:
    grid = Grid.plane(*SHAPE, 1000.0, 1000.0, periodic=(False, True))
    scene = scattered()
    expected = scene.analysed(chosen("ensrf", halo=4.0, **options), grid)
    for distance in ("great-circle", "water"):
        found = scene.analysed(chosen("ensrf", halo=4.0, distance=distance, **options), grid)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize(
    ("measure", "options"),
    [(m, o) for m in (KM, WATER) for o in ({}, SCHUR, {**SCHUR, "factors": {"ssh": {"t": 0.4}}})],
)
def test_no_grouping_shows(measure: dict[str, Any], options: dict[str, Any]) -> None:
    scene, which = scattered(), chosen("ensrf", **measure, **options)
    whole = scene.analysed(which, land())
    np.testing.assert_array_equal(whole, scene.analysed(which, land(), groups=5))
    np.testing.assert_array_equal(whole, scene.analysed(which, land(), groups=12))


@settings(deadline=None, max_examples=12)
@given(shift=st.integers(1, 3), schur=st.booleans(), seed=st.integers(0, 99))
def test_a_ring_that_is_turned_turns_its_analysis(shift: int, schur: bool, seed: int) -> None:
    """By whole blocks; the water takes its land along."""
    sea = np.random.default_rng(seed).random(SHAPE) > 0.15
    options = SCHUR if schur else {}
    which = chosen("potter", halo=4.5, distance="water", **options)  # draws nothing by address

    def turned(cells: np.ndarray) -> np.ndarray:
        return cells // SHAPE[1] * SHAPE[1] + (cells + 4 * shift) % SHAPE[1]

    one, other = scattered(seed=seed), scattered(seed=seed)
    place = turned(np.arange(N))
    for name in ("forecast", "noise"):
        moved = np.empty_like(one.forecast)
        moved[:, :, place] = getattr(one, name)
        setattr(other, name, moved)
    cell = turned(one.seen.cell)
    other.seen = one.seen._replace(cell=cell, scalar=one.seen.field * N + cell)
    ring = [Grid.plane(*SHAPE, 1e3, 1e3, sea=s, periodic=(False, True)) for s in (sea, sea.copy())]
    ring[1].sea.reshape(-1)[place] = sea.reshape(-1)
    first = one.analysed(which, ring[0])
    np.testing.assert_array_equal(other.analysed(which, ring[1])[:, :, place], first)


@pytest.mark.parametrize("measure", [KM, WATER])
def test_blocks_of_one_cell_make_the_etkf_the_letkf(measure: dict[str, Any]) -> None:
    scene = scattered()
    letkf = scene.analysed(LetkfSettings.model_validate(measure), land())
    found = scene.analysed(chosen("etkf", block=(1, 1), **measure), land())
    np.testing.assert_allclose(found, letkf, rtol=0, atol=1e-12)
    if measure == KM:
        by_radius = scene.analysed(LetkfSettings(radius_km=100.0), land())
        np.testing.assert_array_equal(letkf, by_radius)
    else:
        other = scene.analysed(LetkfSettings.model_validate({**WATER, "block": (3, 5)}), land())
        np.testing.assert_array_equal(letkf, other)  # blocks only share out the work


@pytest.mark.parametrize("method", TAPERED)
def test_with_a_factor_of_0_a_variable_keeps_its_forecast(method: str) -> None:
    scene, before = scattered(), scattered().ahead
    scene.seen = scene.seen._replace(
        field=scene.seen.field % 2 + 1, scalar=(scene.seen.field % 2 + 1) * N + scene.seen.cell
    )  # of both layers of t, none of ssh
    options = {"halo": 4.0, **SCHUR, "factors": {"t": {"ssh": 0.0}}}
    found = scene.analysed(chosen(method, **options))
    np.testing.assert_array_equal(found[:, 0], before[:, 0])
    assert (found[:, 1:] != before[:, 1:]).any()


@pytest.mark.parametrize("method", [name for name in TAPERED if name != "python"])
def test_factors_of_1_are_none(method: str) -> None:
    scene = scattered()
    ones = {"ssh": {"t": 1.0}, "t": {"t": 1.0}}
    expected = scene.analysed(chosen(method, halo=4.0, **SCHUR))
    found = scene.analysed(chosen(method, halo=4.0, factors=ones, **SCHUR))
    np.testing.assert_array_equal(found, expected)


def test_a_factor_multiplies_what_one_observation_does() -> None:
    scene = Scene(np.array([0]), np.array([5 * SHAPE[1] + 5]))
    plain = scene.analysed(chosen("ensrf", **KM, **SCHUR))
    damped = scene.analysed(chosen("ensrf", **KM, **SCHUR, factors={"t": {"ssh": 0.25}}))
    step, other = (found - scene.ahead for found in (plain, damped))
    np.testing.assert_allclose(other[:, 0], step[:, 0], rtol=0, atol=1e-15)
    np.testing.assert_allclose(other[:, 1:], 0.25 * step[:, 1:], rtol=0, atol=1e-15)


def test_what_is_spared_is_rotated_with_the_others_and_not_inflated() -> None:
    scene, behind = beside_the_spit()
    options = {**WATER, **SCHUR, "block": SHAPE, "inflation": 1.5}
    still = scene.analysed(chosen("ensrf", **options), land())
    turned = scene.analysed(chosen("ensrf", rotation=1, **options), land())
    np.testing.assert_array_equal(still[:, :, behind], scene.ahead[:, :, behind])
    assert (turned[:, :, behind] != still[:, :, behind]).all()
    for found in (still, turned):
        np.testing.assert_allclose(found.mean(0)[:, behind], scene.ahead.mean(0)[:, behind])
        np.testing.assert_allclose(found.std(0)[:, behind], scene.ahead.std(0)[:, behind])


def test_tapers_are_positive_definite_where_they_should_be() -> None:
    everywhere = Scene(np.repeat([0, 1], N), np.tile(np.arange(N), 2))
    for factors in ({}, {"ssh": {"t": 0.3}}):
        which = chosen("enkf", **KM, **SCHUR, factors=factors)
        tapers = Tapers(everywhere.group(which, OPEN), which)
        across, between = tapers.of(np.arange(N), np.arange(2 * N))
        np.testing.assert_array_equal(between, between.T)
        np.testing.assert_array_equal(np.diag(between), 1.0)
        np.testing.assert_array_equal(across[: 2 * N], between)  # cells and observations agree
        assert np.linalg.eigvalsh(between).min() > (0 if factors else -1e-12)  # 0: alike fields
        reaches = across[:N, :N] > 0
        share = across[N : 2 * N, :N][reaches] / across[:N, :N][reaches]
        np.testing.assert_allclose(share, 0.3 if factors else 1.0, rtol=1e-15)
        assert np.linalg.eigvalsh(reaches.astype(float)).min() < -1  # a step is not


def test_three_variables_one_pair_apart_are_not_positive_definite() -> None:
    found = factors_between({"a": {"c": 0.0}}, ("a", "b", "c"))
    assert found is not None
    assert np.linalg.eigvalsh(found).min() == pytest.approx(1 - np.sqrt(2))


SCHUR_TEXT = "localization: covariances"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("method: etkf, distance: great-circle", "great-circle needs a halo in km, above 0"),
        ("method: etkf, distance: water, halo: 0", "water needs a halo in km"),
        ("method: etkf, distance: miles, halo: 300", r"filter\.distance = 'miles'.*'water'"),
        ("method: etkf, distance: water, halo: 300, taper: paper", "paper is measured in cells"),
        ("method: wenkf, distance: water, halo: 300", "halo 300 lets a block see"),
        ("method: wenkf, distance: water", "measures nothing: wenkf.*use cells"),
        ("method: etkf, factors: {ssh: {t: 0.5}}", "one weight for all variables.*as ensrf"),
        ("method: ensrf, factors: {ssh: {t: 0.5}}", "use localization: covariances"),
        (f"method: ensrf, {SCHUR_TEXT}, factors: {{ssh: {{t: 1.5}}}}", r"factors\.ssh\.t = 1\.5"),
        (f"method: ensrf, {SCHUR_TEXT}, factors: {{ssh: {{t: -1}}}}", r"factors\.ssh\.t = -1"),
        (f"method: ensrf, {SCHUR_TEXT}, factors: {{ssh: {{t: .nan}}}}", r"factors\.ssh\.t = nan"),
        (f"method: ensrf, {SCHUR_TEXT}, factors: {{t: {{t: 0.5}}}}", "t with itself has 0.5"),
        (
            f"method: ensrf, {SCHUR_TEXT}, factors: {{ssh: {{t: 0.5}}, t: {{ssh: 0.4}}}}",
            "ssh with t is given twice",
        ),
        ("method: letkf, radius: 3, distance: water", "water needs a halo in km, instead of a rad"),
        ("method: letkf, radius_km: 3, distance: great-circle", "great-circle needs a halo in km"),
        ("method: letkf, halo: 300, distance: water, weight_stride: 2", "across land.*use 1"),
        ("method: letkf, halo: 300, factors: {ssh: {t: 0}}", r"filter\.factors: unknown key"),
        ("method: bridge, factors: {ssh: {t: 0.5}}", r"filter\.factors: unknown key"),
    ],
)
def test_a_run_file_that_measures_badly_is_refused(text: str, said: str, linear: Make) -> None:
    with pytest.raises(ConfigError, match=re.compile(said, re.DOTALL)):
        linear(f"filter={{{text}}}")


def test_a_plane_of_cells_without_a_size_has_no_kilometres(linear: Make) -> None:
    with pytest.raises(ConfigError, match=r"plane has cells without a size.*use cells"):
        linear("filter={method: etkf, distance: great-circle, halo: 300}")


def test_the_readme_s_section_is_sound(tmp_path: Path) -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"```yaml\n(filter:\n.*?distance: water.*?)```", readme, re.DOTALL)
    tree = yaml.safe_load(find_run_file("natl-demo").read_text(encoding="utf-8"))
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(tree | yaml.safe_load(text)))
    sound = read_settings(tmp_path / "run.yaml")
    assert (sound.filter.method, sound.filter.halo) == ("ensrf", 300.0)
    assert check_run(sound) == []
    assert validate_settings(yaml.safe_load(sound.to_yaml())) == sound
    for bad, said in (
        ("filter.halo=6", "filter.halo: halo 6 km does not reach from cell to cell"),
        ("filter.factors={ssh: {salt: 0}}", "no such variable; the state has ssh, u, v"),
    ):
        (problem,) = check_run(read_settings(tmp_path / "run.yaml", [bad]))
        assert said in problem
    by_letkf = "filter={method: letkf, distance: water, halo: 6}"
    assert "halo 6 km" in check_run(read_settings(tmp_path / "run.yaml", [by_letkf]))[0]


def test_variables_that_the_state_does_not_have_are_refused() -> None:
    which = chosen("ensrf", halo=4.0, **SCHUR, factors={"ssh": {"salt": 0.5}})
    with pytest.raises(ConfigError, match="between salt: no such variable; the state has ssh, t"):
        scattered().analysed(which)


def test_check_says_what_kilometres_and_factors_do_not_fit(linear: Make) -> None:
    (said,) = check_run(linear(f"filter={{method: ensrf, {SCHUR_TEXT}, factors: {{z: {{w: 0}}}}}}"))
    assert said == "filter.factors: factors between w: no such variable; the state has z"
