"""The run file: every mistake is named at once, with its key, its value and what would be right."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from halocast.config import find_run_file, packaged_runs, read_settings, validate_settings
from halocast.errors import ConfigError


@pytest.mark.parametrize("name", sorted(packaged_runs()))
def test_a_packaged_run_file_is_valid_and_survives_being_written_out(name: str) -> None:
    settings = read_settings(find_run_file(name))
    assert settings.name == name
    assert settings.description
    assert validate_settings(yaml.safe_load(settings.to_yaml())) == settings


def test_all_mistakes_are_named_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        read_settings(
            find_run_file("natl-demo"),
            ["ensemble.membres=5", "time.cycles=-3", "observations.u.noise=cauchi", "seed=x"],
        )
    text = str(caught.value)
    assert "4 mistakes" in text
    assert "ensemble.membres: unknown key; did you mean 'members'?" in text
    assert "time.cycles = -3" in text
    assert "cauchi" in text
    assert "seed = 'x'" in text


@pytest.mark.parametrize(
    ("override", "fragment"),
    [
        ("filter.hallo=2", "did you mean 'halo'?"),
        ("model.viscocity=1", "did you mean 'viscosity'?"),
        ("model.boundary.widht=3", "did you mean 'width'?"),
        ("zeit.start=1", "zeit: unknown key"),
        ("observations.swot.minimum_cont=1", "did you mean 'minimum_count'?"),
        ("filter.halo=0.5", "halo 0.5 is smaller than the taper needs"),
        ("filter.taper=paper", ""),
        ("filter.block=[0, 2]", "no cells"),
    ],
)
def test_a_misspelt_or_impossible_key_says_what_would_be_right(
    override: str, fragment: str
) -> None:
    overrides = [override] if fragment else [override, "filter.block=[16, 16]"]
    with pytest.raises(ConfigError) as caught:
        read_settings(find_run_file("natl-demo"), overrides)
    assert fragment in str(caught.value)
    assert "natl-demo.yaml" in str(caught.value)


def test_a_missing_section_a_wrong_file_and_a_wrong_name_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="time: is missing"):
        validate_settings({"name": "x"})
    (tmp_path / "list.yaml").write_text("- 1\n- 2\n")
    with pytest.raises(ConfigError, match="not a mapping"):
        read_settings(tmp_path / "list.yaml")
    (tmp_path / "broken.yaml").write_text("a: [1\n")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_settings(tmp_path / "broken.yaml")
    with pytest.raises(ConfigError, match="did you mean natl-demo"):
        find_run_file("natl-dmo")
    with pytest.raises(ConfigError, match=r"a\.b=c"):
        read_settings(find_run_file("natl-demo"), ["seed"])
