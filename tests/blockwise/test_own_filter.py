"""A filter of one's own: the conformance kit, its refusals, and runs with it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml
from block_runs import LINEAR, Make, section
from halocast.check import check_run
from halocast.config import find_run_file, read_settings, validate_settings
from halocast.engines import SerialEngine
from halocast.errors import ConfigError, RunError
from halocast.filters.window import Window, from_members
from halocast.runs import carry_out, create_run
from halocast.stores.compare import compare_runs
from halocast.testing import FilterTests, check_filter, member_order_does_not_matter
from window_cases import joined, random_scene, settings_of

ETKF = '''
"""The transform filter of Hunt et al. (2007), in ten lines."""
import numpy as np
from halocast.filters.window import from_members


class Etkf:
    def analyse(self, window):
        mean, ahead, m = window.forecast.mean(0), window.predicted.mean(0), window.members
        root = np.sqrt(window.variance * (m - 1))
        s, d = (window.predicted - ahead) / root, (window.value - ahead) / root
        values, vectors = np.linalg.eigh(s @ s.T)
        weights = vectors / (1 + values) @ vectors.T @ s @ d
        transform = vectors / np.sqrt(1 + values) @ vectors.T
        return from_members(mean + (weights + transform) @ (window.forecast - mean))
'''


def etkf():
    names: dict = {}
    exec(ETKF, names)
    return names["Etkf"]()


class TestTenLinesConform(FilterTests):
    @pytest.fixture
    def own(self):
        return etkf()

    def test_member_order_does_not_matter(self, own) -> None:
        member_order_does_not_matter(own)


def test_ten_lines_are_the_etkf() -> None:
    given = {"class": "ten_lines:Etkf", "source": ETKF}
    scene, every = random_scene(), [np.arange(15)]
    one = joined(scene, settings_of("python", **given), every)
    other = joined(scene, settings_of("etkf"), every)
    np.testing.assert_allclose(one.members, other.members, atol=1e-12)


class Careless:
    """Breaks a promise at a time."""

    def __init__(self, how: str) -> None:
        self.how, self.calls = how, 0

    def analyse(self, window: Window):
        self.calls += 1
        members = window.forecast + 0.0
        if self.how == "shape":
            members = members[:, :1].T
        if self.how == "infinite" and window.value.size > 1:
            members[0, 0] = np.inf
        if self.how == "state":
            members = members + self.calls
        if self.how == "writes":
            window.value[:] = 0.0
        if self.how == "alias":
            members = window.forecast
        if self.how == "members only":
            return members
        return from_members(members, memory="words" if self.how == "memory" else None)


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("shape", "gives an analysis: members has shape"),
        ("infinite", "analyses are finite: members of 8 members, 12 scalars and 5 observations"),
        ("state", "same analysis twice: members are not bitwise the same"),
        ("writes", "window stays as it was: analyse changes window.value"),
        ("alias", "window stays as it was: members are window.forecast"),
        ("members only", "analyse returns ndarray, not an Analysis"),
        ("memory", "memory can be kept: RunError: the filter's memory, a str, cannot be kept"),
    ],
)
def test_a_careless_filter_is_found_out(how: str, said: str) -> None:
    assert said in "; ".join(check_filter(Careless(how)))


def test_a_filter_that_keeps_its_promises_is_let_pass() -> None:
    assert check_filter(Careless("not at all")) == []


def test_the_class_beside_the_run_file_goes_with_the_run(tmp_path: Path, linear: Make) -> None:
    module = tmp_path / "ten_lines.py"
    module.write_text(ETKF, encoding="utf-8")
    tree = yaml.safe_load(find_run_file("linear-gaussian").read_text(encoding="utf-8"))
    tree["filter"] = {"method": "python", "class": "ten_lines:Etkf", "block": [4, 5], "halo": 3}
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(tree), encoding="utf-8")
    settings = read_settings(tmp_path / "run.yaml", [*LINEAR, "free_run=false", "time.cycles=2"])
    module.unlink()
    assert check_run(settings) == []
    assert validate_settings(yaml.safe_load(settings.to_yaml())) == settings
    create_run(settings, tmp_path / "own")
    carry_out(tmp_path / "own", SerialEngine())
    again = linear(section("python", **{"class": "ten_lines:Etkf", "source": ETKF}))
    create_run(again.model_copy(update={"time": settings.time}), tmp_path / "again")
    carry_out(tmp_path / "again", SerialEngine(), groups=3)
    assert compare_runs(tmp_path / "own", tmp_path / "again") is None


@pytest.mark.parametrize(
    ("source", "reference", "said"),
    [
        (None, "nowhere:Filter", "put nowhere.py beside the run file"),
        ("class Other: pass", "mine:Filter", "mine has no Filter"),
        ("class Filter: pass", "mine:Filter", "it lacks analyse"),
        ("class Filter:\n    def __init__(self, gain): pass", "mine:Filter", "cannot be made"),
    ],
)
def test_check_names_what_is_no_filter(
    source: str | None, reference: str, said: str, linear: Make
) -> None:
    settings = linear(section("python", **{"class": reference, "source": source}))
    assert any(said in problem and "filter.class" in problem for problem in check_run(settings))


@pytest.mark.parametrize(
    ("body", "said", "where"),
    [
        ("return window.forecast @ window.value", "raised ValueError", "mine.py, line 3"),
        ("return window.forecast", "returned ndarray", "block"),
        (
            "return from_members(window.forecast + float('nan'))",
            "no finite analysis",
            "cycle 3, block",
        ),
    ],
)
def test_a_filter_that_fails_in_a_run_is_named_with_its_place(
    body: str, said: str, where: str
) -> None:
    source = (
        "class Filter:\n    def analyse(self, window):\n"
        f"        {body}\nfrom halocast.filters.window import from_members\n"
    )
    settings = settings_of("python", **{"class": "mine:Filter", "source": source})
    with pytest.raises(RunError, match=said) as caught:
        joined(random_scene(), settings, [np.arange(15)])
    assert where in caught.value.where
    assert caught.value.remedy


def test_what_a_run_file_cannot_say_is_refused(linear: Make) -> None:
    with pytest.raises(ConfigError, match=r"filter\.class"):
        linear("filter={method: python, class: no-reference}")
