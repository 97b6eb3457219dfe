"""The page: a run's report in one self-contained HTML file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import xarray as xr
from jinja2 import Environment, PackageLoader, StrictUndefined

from halocast.diagnostics.summary import MINUS, against_label, number, signed_percent
from halocast.report.chains import chain_chart, chain_summary, chain_table
from halocast.report.consistency import consistency_lines
from halocast.report.content import (
    facts,
    failure_lines,
    fate_lines,
    flatten,
    observations_made,
    score_lines,
)
from halocast.report.health import block_chart, health_table
from halocast.report.history import field_maps
from halocast.report.maps import error_maps, state_maps, update_maps
from halocast.report.observation_maps import observation_maps
from halocast.report.patterns import pattern_maps
from halocast.report.places import place_series
from halocast.report.reliability import (
    innovation_chart,
    innovation_table,
    not_judged,
    rank_chart,
    spread_skill_chart,
)
from halocast.report.series import error_series
from halocast.report.style import house_style
from halocast.report.verdict import GROUPS, Gain, gains, verdict
from halocast.report.view import RunView
from halocast.stores.local_place import LocalPlace
from halocast.stores.open_run import open_run
from halocast.stores.place import Place
from halocast.stores.places import locate

REPORT = "report.html"


def build_page(tree: xr.DataTree, title: str = "") -> str:
    """Write a run's report as one HTML text with all pictures inside.

    Parameters
    ----------
    tree
        The run, as ``halocast.open_run`` gives it. Truth, free run, reference filter,
        observations and health may be missing; their parts are then left out.
    title
        Headline; by default the run file's ``name``.

    Raises
    ------
    RunError
        The run has no committed cycle yet.
    """
    view = RunView(tree)
    with house_style():
        pictures = {
            "state": state_maps(view),
            "step": update_maps(view),
            "errors": error_maps(view),
            "observations": observation_maps(view),
            "patterns": pattern_maps(view),
            "series": error_series(view),
            "places": place_series(view),
            "spread_skill": spread_skill_chart(view),
            "ranks": rank_chart(view),
            "innovations": innovation_chart(view),
            "blocks": block_chart(view),
            "chains": chain_chart(view),
        }
        histories = field_maps(view)
    lines = score_lines(view)
    environment = Environment(
        loader=PackageLoader("halocast.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = lambda value: number(value).replace("-", MINUS)
    environment.filters["signed_percent"] = signed_percent
    return environment.get_template("page.html.j2").render(
        title=title or str(view.config.get("name") or "Run"),
        verdict=verdict(view.summary),
        gains=_gains(view),
        facts=facts(view),
        scores=[line for line in lines if not line["deep"]],
        deep_scores=[line for line in lines if line["deep"]],
        fates=fate_lines(view),
        made=observations_made(view),
        failures=failure_lines(view),
        innovation_rows=innovation_table(view),
        not_judged=not_judged(view),
        consistency_rows=consistency_lines(view),
        health_rows=health_table(view),
        chain_rows=chain_table(view),
        chains=chain_summary(view),
        histories=histories,
        record=list(flatten(view.record)),
        config=view.config_text,
        pictures=pictures,
    )


def _gains(view: RunView) -> list[tuple[Gain, str]]:
    """Gains, and what they are against; without a unit where observations have another."""
    return [
        (
            replace(gain, unit="")
            if gain.against == "withheld" and any(map(view.transformed, GROUPS[gain.group]))
            else gain,
            against_label(gain.against),
        )
        for gain in gains(view.summary)
    ]


def write_report(directory: str | Path | Place) -> Path | str:
    """Write the report of the run at a path or URL to ``report.html`` there; returns where.

    The file is replaced whole or not at all. A run that goes on is reported up to its last
    committed cycle.

    Raises
    ------
    RunError, StoreError
        There is no run, it has no committed cycle yet, or it is damaged.
    """
    place = locate(directory)
    place.write(REPORT, build_page(open_run(place)).encode())
    return place.path / REPORT if isinstance(place, LocalPlace) else place.file(REPORT)
