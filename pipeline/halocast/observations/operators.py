"""What an observation is of a state scalar, and how its error is distributed: settings and numpy.

y = h(s) + e. The operator h and the density of e are pointwise and chosen by codes, which compiled
code knows from `halocast.samplers.densities`; here are the run file's words for them. A user's own
operator is a function of the user's, compiled when its codes are first asked for. A
row's ``value`` and ``error`` are those of y: with another operator than the identity, rows hold
h(s), not s.
"""

from __future__ import annotations

from math import inf
from typing import Annotated, Any, Literal

import numpy as np
from numba import njit
from pydantic import BeforeValidator, Field

from halocast.own_code import Reference, code_digest, load_object
from halocast.samplers.densities import (
    ARCTAN,
    GAUSSIAN,
    IDENTITY,
    LAPLACE,
    STUDENT_T,
    apply_operator,
    log_density,
)
from halocast.samplers.own_operators import enlist_operator
from halocast.settings import Settings

__all__ = [
    "ARCTAN",
    "GAUSSIAN",
    "IDENTITY",
    "LAPLACE",
    "STUDENT_T",
    "ArctanOperator",
    "CauchyNoise",
    "GaussianNoise",
    "IdentityOperator",
    "LaplaceNoise",
    "Noise",
    "Operator",
    "OwnOperator",
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


class OwnOperator(Settings):
    """A function h(s) of the user's: of one float, the scalar in its unit; returning one.

    It is compiled by numba: arithmetic, branches, and the functions of ``math`` and ``numpy``.
    """

    kind: Literal["python"] = "python"
    function: Reference = Field(
        description="module:name of the function; the module is installed, or a file beside the "
        "run file"
    )
    source: str | None = Field(
        default=None, description="Text of the module's file; filled in when the run file is read"
    )
    scale: float | None = Field(
        default=None,
        gt=0,
        allow_inf_nan=False,
        description="Over which change of the scalar the function bends, in the variable's unit: "
        "how finely the exact sampler looks at first; null: as its own checks find",
    )

    @property
    def codes(self) -> tuple[int, float, float]:
        """Operator code, centre (not used) and scale; compiles the function, once a process.

        Raises
        ------
        ConfigError
            There is no such function, or numba cannot compile it.
        """
        where = f"operator {self.function}"
        function = load_object(self.function, self.source, where)
        code = enlist_operator(function, code_digest(self.function, self.source), where)
        return code, 0.0, inf if self.scale is None else self.scale


class GaussianNoise(Settings):
    """Normal errors; an observation's ``error`` is their standard deviation."""

    kind: Literal["gaussian"] = "gaussian"

    @property
    def codes(self) -> tuple[int, float]:
        """Noise code and degrees of freedom (not used)."""
        return GAUSSIAN, 0.0


class LaplaceNoise(Settings):
    """Laplace (double exponential) errors; an observation's ``error`` is their sd."""

    kind: Literal["laplace"] = "laplace"

    @property
    def codes(self) -> tuple[int, float]:
        """Noise code and degrees of freedom (not used)."""
        return LAPLACE, 0.0


class StudentTNoise(Settings):
    """Student's t errors; an observation's ``error`` is their scale, not their sd."""

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
    IdentityOperator | ArctanOperator | OwnOperator,
    Field(discriminator="kind"),
    BeforeValidator(_from_word),
]
Noise = Annotated[
    GaussianNoise | LaplaceNoise | StudentTNoise | CauchyNoise,
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
