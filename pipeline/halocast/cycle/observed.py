"""What a run observes, held against its model and its sampler; the user's operators made ready."""

from __future__ import annotations

from halocast.config import RunSettings
from halocast.errors import ConfigError
from halocast.observations import VARIABLES
from halocast.observations.operators import OwnOperator
from halocast.samplers.chains import ChainSettings
from halocast.state import StateLayout


def check_observed(settings: RunSettings, layout: StateLayout) -> list[str]:
    """Find what cannot be observed as the run says, one sentence a mistake.

    Operators of the user's are compiled; from then on this process's kernels know them.
    """
    problems = []
    for name in VARIABLES:
        variable, key = settings.observations.of(name), f"observations.{name}"
        if variable.field is not None and variable.field not in layout.names:
            problems.append(
                f"{key}.field = {variable.field!r}: no such field; the state has "
                f"{', '.join(layout.names)}"
            )
        if isinstance(variable.operator, OwnOperator):
            problems += _check_own(settings, variable.operator, key)
    return problems


def _check_own(settings: RunSettings, operator: OwnOperator, key: str) -> list[str]:
    problems = []
    if isinstance(getattr(settings.filter, "sampler", None), ChainSettings):
        problems.append(
            f"{key}.operator = {operator.function!r}: chains know the built-in operators only; use "
            "filter.sampler: exact"
        )
    try:
        _ = operator.codes
    except ConfigError as error:
        problems.append(f"{key}.{error}")
    return problems


def require_observed(settings: RunSettings, layout: StateLayout) -> None:
    """Raise ConfigError where `check_observed` finds something."""
    problems = check_observed(settings, layout)
    if problems:
        raise ConfigError("\n".join(problems), where="observations", remedy="`halocast check`")
