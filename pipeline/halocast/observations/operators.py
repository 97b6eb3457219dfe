"""What an observation is of a state scalar, and how its error is distributed: settings and numpy.

y = h(s) + e. The operator h and the density of e are pointwise and chosen by small codes, which
compiled code knows from `halocast.samplers.densities`; here are the run file's words for them. A
row's ``value`` and ``error`` are those of y: with another operator than the identity, rows hold
h(s), not s.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from numba import njit
from pydantic import BeforeValidator, Field

from halocast.samplers.densities import (
    ARCTAN,
    GAUSSIAN,
    IDENTITY,
    STUDENT_T,
    apply_operator,
    log_density,
)
from halocast.settings import Settings

__all__ = [
    "ARCTAN",
    "GAUSSIAN",
    "IDENTITY",
    "STUDENT_T",
    "ArctanOperator",
    "CauchyNoise",
    "GaussianNoise",
    "IdentityOperator",
    "Noise",
    "Operator",
    "StudentTNoise",
    "apply_operator",
    "log_density",
    "observe",
]


class IdentityOperator(Settings):
    """The state scalar itself."""

    kind: Literal["identity"] = "identity"

    @property
    def codes(self) -> tuple[int, float, float]:
        """Operator code, centre and scale."""
        return IDENTITY, 0.0, 1.0


class ArctanOperator(Settings):
    """arctan((s - center) / scale)."""

    kind: Literal["arctan"] = "arctan"
    center: float = Field(
        default=0.0,
        allow_inf_nan=False,
        description="Where the operator is 0, in the variable's unit",
    )
    scale: float = Field(
        default=1.0,
        gt=0,
        allow_inf_nan=False,
        description="Scale of the scalar, in the variable's unit",
    )

    @property
    def codes(self) -> tuple[int, float, float]:
        """Operator code, centre and scale."""
        return ARCTAN, self.center, self.scale


class GaussianNoise(Settings):
    """Normal errors; an observation's ``error`` is their standard deviation."""

    kind: Literal["gaussian"] = "gaussian"

    @property
    def codes(self) -> tuple[int, float]:
        """Noise code and degrees of freedom (not used)."""
        return GAUSSIAN, 0.0


class StudentTNoise(Settings):
    """Student's t errors; an observation's ``error`` is their scale."""

    kind: Literal["student-t"] = "student-t"
    df: float = Field(default=4.0, gt=0, allow_inf_nan=False, description="Degrees of freedom")

    @property
    def codes(self) -> tuple[int, float]:
        """Noise code and degrees of freedom."""
        return STUDENT_T, self.df


class CauchyNoise(Settings):
    """Cauchy errors; an observation's ``error`` is their scale."""

    kind: Literal["cauchy"] = "cauchy"

    @property
    def codes(self) -> tuple[int, float]:
        """Noise code and degrees of freedom: Student's t with one."""
        return STUDENT_T, 1.0


def _from_word(value: Any) -> Any:
    """``operator: arctan`` is short for ``operator: {kind: arctan}``."""
    return {"kind": value} if isinstance(value, str) else value


Operator = Annotated[
    IdentityOperator | ArctanOperator, Field(discriminator="kind"), BeforeValidator(_from_word)
]
Noise = Annotated[
    GaussianNoise | StudentTNoise | CauchyNoise,
    Field(discriminator="kind"),
    BeforeValidator(_from_word),
]


def observe(
    scalars: np.ndarray, operator: np.ndarray, center: np.ndarray, scale: np.ndarray
) -> np.ndarray:
    """Apply each observation's operator to its scalars.

    Parameters
    ----------
    scalars
        Values of the scalars behind p observations, shape (…, p).
    operator, center, scale
        Codes and parameters, shape (p,).

    Returns
    -------
    h(s), the shape of ``scalars``; every value with the same bits whatever its neighbours.
    """
    result = np.array(scalars, dtype=float, order="C")
    _observe(result.reshape(-1, result.shape[-1]), operator, center, scale)
    return result


@njit(cache=True, nogil=True)
def _observe(values, operator, center, scale):  # pragma: no cover - compiled
    for j in range(values.shape[0]):
        for i in range(values.shape[1]):
            values[j, i] = apply_operator(operator[i], values[j, i], center[i], scale[i])
