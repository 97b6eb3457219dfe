"""The paper's filters with Markov chains: against the exact sampler, and when chains fail."""

from __future__ import annotations

import numpy as np
import pytest
from filter_cases import Case, observe
from halocast.errors import ConfigError, RunError
from halocast.filters import LsmcmcV2Settings
from halocast.localization.blocks import Incidence, incidence
from halocast.samplers.chains import ChainSettings
from halocast.samplers.quadrature import BUILT_IN, Sampler
from lsmcmc_cases import METHODS, SHORT, UPDATE, analyse, case_of, cells_of, settings_of
from pydantic import ValidationError

LONG = {"chains": 4, "burn_in": 500, "samples": 8000}
HEALTH = {"acceptance", "r_hat", "chain_ess", "distinct", "fallback", "ess", "observations"}


@pytest.mark.parametrize("kernel", ["rwm", "pcn", "mala", "pcnl", "hmc"])
def test_chains_find_the_exact_mean_and_spread(kernel: str) -> None:
    """Halo scalars, several observations of a scalar, arctan and Cauchy: all blocks of a domain."""
    case = case_of("lsmcmc-v2", members=8, p=25)
    exact = analyse("lsmcmc-v2", case)
    found = analyse("lsmcmc-v2", case, sampler={"kernel": kernel, **LONG}, fallback="none")
    assert np.sqrt(np.mean(((found.mean - exact.mean) / exact.spread.clip(0.1)) ** 2)) < 0.05
    assert np.abs(found.mean - exact.mean).max() < 0.15
    noisy = exact.spread > 0.05
    assert np.abs(np.log(found.spread[noisy] / exact.spread[noisy])).mean() < 0.03
    busy = exact.health["observations"] > 0
    assert np.abs(found.health["ess"] - exact.health["ess"])[busy].mean() < 0.3


@pytest.mark.parametrize("method", ["lsmcmc-v1", "smcmc"])
def test_one_region_runs_one_set_of_chains(method: str) -> None:
    case = case_of(method, members=6, p=8)
    exact = analyse(method, case)
    sampler = {"kernel": "hmc", "chains": 10, "burn_in": 300, "samples": 6000}
    found = analyse(method, case, sampler=sampler, fallback="none")
    assert np.sqrt(np.mean((found.mean - exact.mean) ** 2)) < 0.03
    busy = exact.health["observations"] > 0
    for name in HEALTH:
        assert np.unique(found.health[name][busy]).size == 1, name


@pytest.mark.parametrize("method", METHODS)
def test_health_says_how_the_chains_fared(method: str) -> None:
    case = case_of(method, p=12)
    found = analyse(method, case, sampler=SHORT)
    assert set(found.health) == HEALTH
    busy = found.health["observations"] > 0
    assert np.isfinite(found.health["r_hat"][busy]).all()
    assert np.isnan(found.health["r_hat"][~busy]).all()
    assert np.all((found.health["acceptance"][busy] >= 0) & (found.health["acceptance"][busy] <= 1))
    assert np.all(found.health["distinct"][busy] >= 1)
    assert np.allclose(found.members.mean(axis=0), found.mean, atol=1e-12)


def test_the_trace_is_the_busiest_block_s() -> None:
    case = case_of("lsmcmc-v2")
    found = analyse("lsmcmc-v2", case, sampler=SHORT)
    busiest = np.argmax(found.health["observations"])
    alone = UPDATE["lsmcmc-v2"](
        case.group(np.array([busiest])), settings_of("lsmcmc-v2", sampler=SHORT)
    )
    assert found.trace is not None
    assert alone.trace is not None
    for ours, theirs in zip(found.trace, alone.trace, strict=True):
        assert np.array_equal(ours, theirs)
    assert found.trace.values.shape == (2, 40)


def stuck_case(method: str) -> Case:
    """Observations so exact that proposals of the first size soon are never accepted."""
    case = case_of(method, p=20, mixed=False)
    case.noise_sd[2] = 0.3
    return case._replace(observations=case.observations._replace(error=np.full(20, 1e-7)))


STUCK = {"kernel": "pcn", "chains": 2, "burn_in": 0, "samples": 40, "step": 0.99}


@pytest.mark.parametrize("method", METHODS)
def test_chains_that_hardly_accept_are_replaced(method: str) -> None:
    case = stuck_case(method)
    found, exact = analyse(method, case, sampler=STUCK), analyse(method, case)
    busy = found.health["observations"] > 0
    fallen = found.health["fallback"] == 1
    assert fallen[busy].mean() > 0.9
    assert not fallen[~busy].any()
    cells = cells_of(case.group(), np.flatnonzero(fallen))
    assert np.array_equal(found.mean[:, cells], exact.mean[:, cells])
    assert np.array_equal(found.spread[:, cells], exact.spread[:, cells])
    assert np.array_equal(found.health["ess"][fallen], exact.health["ess"][fallen])


@pytest.mark.parametrize("method", METHODS)
def test_or_they_are_believed_and_say_what_they_are(method: str) -> None:
    found = analyse(method, stuck_case(method), sampler=STUCK, fallback="none")
    busy = found.health["observations"] > 0
    assert not found.health["fallback"].any()
    assert np.all(found.health["acceptance"][busy] < 0.3)
    assert np.median(found.health["r_hat"][busy]) > 1.5
    assert np.isfinite(found.members).all()


def test_all_observations_in_one_cell_are_one_precise_one() -> None:
    cell = np.full(30, 33)
    field = np.zeros(30, dtype=int)
    value = 0.4 + 0.3 * np.random.default_rng(2).normal(size=30)
    for method in METHODS:
        crowded = case_of(method, members=6, p=30)._replace(
            observations=observe(70, field, cell, value, 0.3)
        )
        crowded = crowded._replace(incidence=_incidence(method, crowded))
        single = crowded._replace(
            observations=observe(70, field[:1], cell[:1], value.mean(keepdims=True), 0.3 / 30**0.5)
        )
        single = single._replace(incidence=_incidence(method, single))
        a, b = analyse(method, crowded), analyse(method, single)
        assert np.allclose(a.members, b.members, atol=1e-12)
        chains = analyse(method, crowded, sampler={"kernel": "pcn", **LONG}, fallback="none")
        assert np.abs(chains.mean - b.mean).max() < 0.05


def _incidence(method: str, case: Case) -> Incidence:
    halo = 2.5 if method == "lsmcmc-v2" else 0.0
    return incidence(case.blocks, case.observations.cell, halo=halo)


@pytest.mark.parametrize("members", [1, 2])
@pytest.mark.parametrize("method", METHODS)
def test_one_or_two_members_have_chains_too(method: str, members: int) -> None:
    case = case_of(method, members=members, p=6)
    found, exact = analyse(method, case, sampler={"kernel": "pcn", **LONG}), analyse(method, case)
    assert np.isfinite(found.members).all()
    assert np.abs(found.mean - exact.mean).max() < 0.1


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("reduction", ["thinning", "group-means", "rescaled-group-means"])
def test_fewer_samples_than_members_are_refused(method: str, reduction: str) -> None:
    case = case_of(method, members=9)
    for sampler in ({"kernel": "exact", "samples": 8}, {**SHORT, "chains": 1, "samples": 8}):
        with pytest.raises(ConfigError, match="8 samples cannot become 9 members"):
            analyse(method, case, sampler=sampler, reduction=reduction)


@pytest.mark.parametrize("lost", [np.nan, np.inf])
@pytest.mark.parametrize("method", METHODS)
def test_a_forecast_that_is_not_finite_is_named(method: str, lost: float) -> None:
    case = case_of(method)
    case.forecast[2, case.observations.field[7], case.observations.cell[7]] = lost
    with pytest.raises(RunError, match="no finite analysis"):
        analyse(method, case, sampler=SHORT)


def test_chains_do_not_know_a_user_s_operators() -> None:
    case = case_of("lsmcmc-v2")
    with pytest.raises(ConfigError, match="built-in"):
        UPDATE["lsmcmc-v2"](
            case.group(), settings_of("lsmcmc-v2", sampler=SHORT), Sampler(*BUILT_IN)
        )


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"sampler": {"kernel": "pcn", "step": 1.0}}, "say 0.3"),
        ({"sampler": {"kernel": "pcn", "step": -0.2}}, "greater than 0"),
        ({"sampler": {"kernel": "gibbs"}}, "exact"),
        ({"sampler": "gibbs"}, "exact"),
        ({"sampler": "pcn", "reduction": "systematic"}, "needs the exact sampler"),
        ({"sampler": "hmc", "reduction": "quantile"}, "needs the exact sampler"),
        ({"sampler": {"kernel": "exact", "samples": 0}}, "greater than or equal to 1"),
        ({"reduction": "averaging"}, "group-means"),
        ({"fallback": "letkf"}, "exact"),
        ({"block": (0, 3)}, "no cells"),
    ],
)
@pytest.mark.parametrize("method", METHODS)
def test_settings_that_cannot_work_are_refused(
    method: str, wrong: dict[str, object], says: str
) -> None:
    with pytest.raises(ValidationError, match=says):
        settings_of(method, **wrong)


def test_a_sampler_is_named_alone_or_with_its_settings() -> None:
    short, long = (
        LsmcmcV2Settings(sampler=given) for given in ("hmc", {"kernel": "hmc", "step": 0.3})
    )
    assert short == long
    assert isinstance(short.sampler, ChainSettings)
    assert short.chosen_reduction == "thinning"
    assert LsmcmcV2Settings().chosen_reduction == "systematic"
    assert LsmcmcV2Settings.model_validate(short.model_dump(mode="json")) == short
