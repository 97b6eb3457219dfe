"""The bridge where something is missing, extreme or wrong: the right limit, or a clear error."""

from __future__ import annotations

import numpy as np
import pytest
from bridge_cases import (
    Scene,
    draw_noise,
    linear_posterior,
    model_noise_of,
    observe,
    random_scene,
)
from halocast.errors import ConfigError, RunError
from halocast.filters.bridge import BridgeSettings, update
from halocast.filters.free_run import update as free_run
from halocast.grid import Grid
from halocast.noise import FieldNoise
from halocast.samplers.densities import ARCTAN, GAUSSIAN, LAPLACE, STUDENT_T
from pydantic import ValidationError

KINDS = {
    "closed": {},
    "heavy": {"noise_kind": (STUDENT_T, LAPLACE)},
    "pointwise": {"operator": (ARCTAN,), "noise_kind": (GAUSSIAN, STUDENT_T, LAPLACE)},
}
EVERY = [(kind, bridge) for kind in KINDS for bridge in (0.0, 1.0)]


def scene_of(kind: str, bridge: float | str, **more: object) -> Scene:
    return random_scene(**{"bridge": bridge, "sweeps": 4, **KINDS[kind], **more})


@pytest.mark.parametrize(("kind", "bridge"), EVERY)
def test_blocks_without_observations_keep_the_forecast_bitwise(kind: str, bridge: float) -> None:
    scene = scene_of(kind, bridge, p=2, halo=0.0)
    group = scene.group()
    found, free = update(group, scene.settings), free_run(group)
    unseen = np.flatnonzero(found.health["observations"] == 0)
    assert unseen.size >= scene.blocks.n_blocks - 2
    for b in unseen:
        cells = slice(group.cell_start[b], group.cell_start[b + 1])
        assert np.array_equal(found.members[:, :, cells], free.members[:, :, cells])
        assert np.array_equal(found.mean[:, cells], free.mean[:, cells])
        assert np.array_equal(found.spread[:, cells], free.spread[:, cells])


def test_no_observation_at_all_is_the_free_run() -> None:
    scene = random_scene(p=0)
    found, free = update(scene.group(), scene.settings), free_run(scene.group())
    assert np.array_equal(found.members, free.members)
    assert np.array_equal(found.spread, free.spread)


@pytest.mark.parametrize(("kind", "bridge"), EVERY)
def test_observations_that_say_nothing_leave_members_alone(kind: str, bridge: float) -> None:
    """Huge errors: every member stays with its own forecast and its own noise."""
    scene = scene_of(kind, bridge)
    scene.observations = scene.observations._replace(error=np.full(25, 1e6))
    found, free = update(scene.group(), scene.settings), free_run(scene.group())
    assert np.array_equal(found.ancestor, free.ancestor)
    assert np.abs(found.members - free.members).max() < 2e-3
    assert np.abs(found.mean - free.mean).max() < 0.02 if kind == "pointwise" else 1e-6


@pytest.mark.parametrize("bridge", [0.0, 0.5, 1.0])
def test_exact_observations_are_met(bridge: float) -> None:
    """Errors of 1e-6: the observed scalars with noise take the values, all members."""
    scene = random_scene(bridge=bridge, p=6)
    cell = np.array([0, 5, 13, 27, 40, 53])
    scene.observations = observe(scene.grid, cell, np.linspace(-0.4, 0.4, 6), 1e-6)
    group = scene.group()
    found = update(group, scene.settings)
    at = [np.flatnonzero(group.cells == c)[0] for c in cell]
    assert np.abs(found.members[:, 0, at] - np.linspace(-0.4, 0.4, 6)).max() < 1e-4
    assert found.spread[0, at].max() < 1e-4


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_one_member_is_the_papers_kernel_with_one_ancestor(kind: str) -> None:
    """There is no ensemble covariance: every bridge has the noise's kernel around one forecast."""
    found = [
        update(scene.group(), scene.settings)
        for scene in (scene_of(kind, bridge, members=1, sweeps=15) for bridge in (0.0, 1.0))
    ]
    assert np.abs(found[0].members - found[1].members).max() < (1e-12 if kind == "closed" else 1.5)
    assert all(np.isfinite(f.members).all() and np.isfinite(f.spread).all() for f in found)


def test_one_member_closed_form() -> None:
    scene = random_scene(members=1, block=(6, 9), halo=0.0, bridge=1.0)
    scene.observations = observe(scene.grid, [3, 20], [0.5, -0.5], 0.3)
    exact = linear_posterior(
        scene.forecast.reshape(1, -1), scene.covariance(), np.array([3, 20]),
        np.array([0.5, -0.5]), np.full(2, 0.3),
    )  # fmt: skip
    found = update(scene.group(), scene.settings)
    assert np.allclose(found.mean.reshape(-1), exact.mean, atol=1e-12)
    assert np.allclose(found.spread.reshape(-1), exact.sd, atol=1e-12)


@pytest.mark.parametrize(("kind", "bridge"), EVERY)
def test_what_all_members_agree_on_is_not_touched(kind: str, bridge: float) -> None:
    """Scalars without noise and without spread, observed or not, stay to the last bit."""
    scene = scene_of(kind, bridge)
    scene.forecast[:, 2] = np.pi
    found = update(scene.group(), scene.settings)
    assert (scene.observations.field == 2).any()
    assert np.all(found.members[:, 2] == np.pi)
    assert np.all(found.mean[2] == np.pi)
    assert np.all(found.spread[2] == 0.0)


@pytest.mark.parametrize(("kind", "bridge"), EVERY)
def test_a_state_nobody_doubts_stays(kind: str, bridge: float) -> None:
    """No noise and no spread anywhere: C B C' is zero, and the forecast is the analysis."""
    scene = scene_of(kind, bridge)
    scene.model_noise = model_noise_of(scene.grid, [None, None, None])
    scene.forecast[:] = scene.forecast[:1]
    scene.noise[:] = 0.0
    found = update(scene.group(), scene.settings)
    assert np.array_equal(found.mean, scene.forecast[0][:, scene.group().cells])
    assert not found.spread.any()


@pytest.mark.parametrize(("kind", "bridge"), EVERY)
def test_all_observations_in_one_cell(kind: str, bridge: float) -> None:
    scene = scene_of(kind, bridge)
    scene.observations = scene.observations._replace(
        cell=np.full(25, 31), field=np.zeros(25, np.int64), scalar=np.full(25, 31)
    )
    found = update(scene.group(), scene.settings)
    assert np.isfinite(found.members).all()
    at = np.flatnonzero(scene.group().cells == 31)[0]
    assert found.spread[0, at] < 0.2 < free_run(scene.group()).spread[0, at]


def test_repeated_observations_are_one_of_their_precision() -> None:
    scene = random_scene(bridge=0.5)
    scene.observations = observe(scene.grid, [4, 4, 4, 30], [0.1, 0.2, 0.3, 0.5], 0.3)
    found = update(scene.group(), scene.settings)
    scene.observations = observe(scene.grid, [4, 30], [0.2, 0.5], np.array([0.3 / np.sqrt(3), 0.3]))
    merged = update(scene.group(), scene.settings)
    assert np.allclose(found.mean, merged.mean, atol=1e-12)
    assert np.allclose(found.spread, merged.spread, atol=1e-12)


def test_the_ensemble_reaches_every_field_and_noise_only_what_it_is_in() -> None:
    """A field without noise moves by its ensemble covariance for g = 1, by ancestors for g = 0."""
    for bridge in (0.0, 1.0):
        scene = random_scene(bridge=bridge, members=30)
        scene.observations = scene.observations._replace(
            field=np.zeros(25, np.int64), scalar=scene.observations.cell
        )
        group = scene.group()
        found = update(group, scene.settings)
        moved = found.members[:, 2] - group.forecast[:, 2]
        if bridge == 1.0:
            assert np.abs(moved - moved.mean(axis=0)).max() > 0.05
        else:
            come = group.forecast[found.ancestor[:, 0], 2, : group.cell_start[1]]
            shift = found.members[:, 2, : come.shape[1]] - come
            assert np.allclose(shift, shift[0], atol=1e-14)


@pytest.mark.parametrize("taper", ["continuous", "paper"])
def test_a_taper_inflates_errors(taper: str) -> None:
    scene = random_scene(taper=taper, halo=3.5)
    assert scene.group().obs_weight.min() < 1.0
    assert random_scene(halo=3.5).group().obs_weight.min() == 1.0
    assert np.isfinite(update(scene.group(), scene.settings).members).all()


def test_white_noise_serves_as_well() -> None:
    """Diagonal Q: the kernel of the paper itself, and a kernel with the ensemble."""
    grid = Grid.plane(4, 4, 1.0, 1.0)
    noise = model_noise_of(grid, [FieldNoise(sd=0.5)])
    mu = np.random.default_rng(0).normal(size=(6, 16))
    settings = BridgeSettings(block=(4, 4), halo=0.0, bridge=0.0)
    scene = Scene(
        grid, noise, settings, observe(grid, [2, 9], [1.0, 0.0], 0.4), mu[:, None],
        draw_noise(noise, 6),
    )  # fmt: skip
    exact = linear_posterior(
        mu, 0.25 * np.eye(16), np.array([2, 9]), np.array([1.0, 0.0]), np.full(2, 0.4)
    )
    assert np.allclose(update(scene.group(), settings).mean[0], exact.mean, atol=1e-12)


def test_adaptive_climbs_as_far_as_it_must() -> None:
    """Weak observations keep the paper's kernel, strong ones lead to the ensemble's."""
    scene = random_scene(bridge="adaptive", ess_target=0.6, members=25)
    used = {}
    for error in (10.0, 0.3, 0.02):
        scene.observations = scene.observations._replace(error=np.full(25, error))
        found = update(scene.group(), scene.settings)
        used[error] = found.health["bridge"].mean()
        assert (found.health["ess"] >= 0.6 * 25 - 1e-9).all()
    assert used[10.0] == 0.0
    assert used[0.3] > 0.1
    assert used[0.02] > 0.1


def test_adaptive_has_two_kernels_for_pointwise_observations() -> None:
    scene = scene_of("pointwise", "adaptive", members=12)
    found = update(scene.group(), scene.settings)
    assert set(found.health["bridge"]) == {0.0, 1.0}
    assert found.health["ess"].min() >= 6


def test_a_middle_bridge_needs_the_state_itself() -> None:
    scene = scene_of("pointwise", 0.5)
    with pytest.raises(ConfigError, match="not the identity"):
        update(scene.group(), scene.settings)


@pytest.mark.parametrize("lost", [np.nan, np.inf])
@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("where", ["forecast", "value"])
def test_what_is_not_finite_is_named(kind: str, lost: float, where: str) -> None:
    scene = scene_of(kind, 1.0)
    obs = scene.observations
    if where == "forecast":
        scene.forecast[2, obs.field[7], obs.cell[7]] = lost
    else:
        scene.observations = obs._replace(value=np.where(np.arange(25) == 7, lost, obs.value))
    if kind != "closed" and np.isinf(lost) and where == "value":
        return  # infinitely far off is an outlier of a heavy tail, or refused upstream
    with pytest.raises(RunError, match="block"):
        update(scene.group(), scene.settings)


def test_a_covariance_that_cannot_be_factorised_names_its_block() -> None:
    """Two scalars that are one, with errors below rounding."""
    scene = random_scene(members=3, p=2)
    scene.model_noise = model_noise_of(scene.grid, [None, None, None])
    scene.noise[:] = 0.0
    scene.forecast[:, 1] = scene.forecast[:, 0]
    scene.observations = observe(scene.grid, [4, 4], [0.1, 0.1], 1e-14, field=[0, 1])
    with pytest.raises(RunError, match="factorised") as caught:
        update(scene.group(), scene.settings)
    assert "block" in caught.value.where


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"bridge": 1.5}, "less than or equal to 1"),
        ({"bridge": "half"}, "adaptive"),
        ({"covariance_radius": 0.0}, "greater than 0"),
        ({"halo": 0.5}, "more than 1"),
        ({"taper": "paper", "block": (12, 12), "halo": 3.0}, "7.8"),
        ({"block": (0, 3)}, "no cells"),
        ({"sweeps": 16}, "less than or equal to 15"),
        ({"ess_target": 0.0}, "greater than 0"),
        ({"radius": 2.0}, "Extra inputs"),
    ],
)
def test_settings_that_cannot_work_are_refused(wrong: dict[str, object], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        BridgeSettings(**wrong)


@pytest.mark.parametrize("kind", KINDS)
def test_full_relaxation_gives_the_forecasts_spread_and_keeps_the_mean(kind: str) -> None:
    scene = scene_of(kind, 1.0)
    group = scene.group()
    plain, free = update(group, scene.settings), free_run(group)
    relaxed = update(group, scene.settings.model_copy(update={"rtps": 1.0}))
    assert np.array_equal(relaxed.mean, plain.mean)
    assert np.allclose(relaxed.members.mean(axis=0), plain.members.mean(axis=0), atol=1e-12)
    assert np.allclose(relaxed.members.std(axis=0), free.members.std(axis=0), rtol=1e-10)
    assert np.allclose(relaxed.spread, relaxed.members.std(axis=0, ddof=1), rtol=1e-10)
    assert (plain.members.std(axis=0) < 0.95 * relaxed.members.std(axis=0)).any()
