"""The localization of window methods: settings that every one of them has in a run file.

A method's own settings lie beside its algebra; `localized` adds the ones of this module to them, so
that one word changed in a run file is another method with the same blocks.
"""

from __future__ import annotations

from types import new_class
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from halocast.filters.sampling import require_cells
from halocast.localization.distances import Distance
from halocast.localization.taper import Taper, halo_problem
from halocast.settings import Settings

Localization = Literal["observations", "covariances"]
Factor = Annotated[float, Field(ge=0, le=1)]
_WIDEST = 10_000.0  # cells, or km


class LocalSettings(Settings):
    """Blocks with halos, and what is tapered."""

    methods: ClassVar[tuple[Localization, ...]] = ("observations", "covariances")
    own_only: ClassVar[bool] = False
    if TYPE_CHECKING:
        method: str

    block: tuple[int, int] = Field((4, 4), description="Rows and columns of a block, in cells.")
    halo: float = Field(
        6.0,
        ge=0,
        le=_WIDEST,
        allow_inf_nan=False,
        description="Radius of a block's halo: how far an observation acts. In cells, or in km "
        "where distance is.",
    )
    distance: Distance = Field(
        "cells",
        description="How far apart places are: cells; or, in km, great-circle or water, which is "
        "great circles made longer by the land between.",
    )
    taper: Taper = Field(
        "continuous",
        description="Edge of the observations' taper: continuous (0 at the halo's edge) or paper.",
    )
    localization: Localization = Field(
        "observations",
        description="What falls with distance: observations (their errors grow, the same for a "
        "whole block) or covariances (Schur product, from cell to observation).",
    )
    factors: dict[str, dict[str, Factor]] = Field(
        default_factory=dict,
        description="Factors of covariances between variables, each pair once, e.g. {ssh: {t: "
        "0.2, u: 0.5}}; 1 where not given.",
    )

    @model_validator(mode="after")
    def _localization_fits(self) -> LocalSettings:
        require_cells(self.block)
        if self.localization not in self.methods:
            raise ValueError(
                f"localization {self.localization} is not for {self.method}, whose algebra has no "
                f"place for it: use {self.methods[0]}"
            )
        if self.own_only and self.halo > 0:
            raise ValueError(
                f"halo {self.halo:g} lets a block see observations that are not of its own "
                f"scalars, which {self.method} cannot use: use 0, or enkpf, lpf or sir"
            )
        schur = self.localization == "covariances"
        if schur and self.taper != "continuous":
            raise ValueError(
                f"taper {self.taper} is one of observations; covariances fall to 0 at the halo's "
                "edge: use continuous"
            )
        problem = self._distance_problem() or self._factors_problem()
        if problem:
            raise ValueError(problem)
        return self

    def _distance_problem(self) -> str | None:
        if self.distance == "cells":
            return halo_problem(self.block, self.halo, self.taper)
        if self.own_only:
            return (
                f"distance {self.distance} measures nothing: {self.method} uses observations of a "
                "block's own scalars only; use cells"
            )
        if "halo" not in self.model_fields_set or self.halo == 0:
            return f"distance {self.distance} needs a halo in km, above 0: how far observations act"
        if self.taper != "continuous":
            return f"taper {self.taper} is measured in cells: use continuous, or distance: cells"
        return None

    def _factors_problem(self) -> str | None:
        if not self.factors:
            return None
        if self.localization != "covariances":
            remedy = (
                "use localization: covariances"
                if "covariances" in self.methods
                else "leave them out, or use a method with localization: covariances, as ensrf"
            )
            return (
                "factors are of covariances; here an observation has one weight for all variables "
                f"of a block: {remedy}"
            )
        for one, others in self.factors.items():
            for other, factor in others.items():
                if one == other and factor != 1:
                    return f"factors: {one} with itself has {factor:g}; that one is always 1"
                if self.factors.get(other, {}).get(one, factor) != factor:
                    return f"factors: {one} with {other} is given twice, and not the same"
        return None


def localized(
    kind: type[Settings],
    methods: tuple[Localization, ...] = ("observations",),
    own_only: bool = False,
) -> type[LocalSettings]:
    """Return a window method's settings with those of its localization, as one section.

    Parameters
    ----------
    kind
        The method's own settings.
    methods
        The kinds of localization it can use, the default first.
    own_only
        Whether it can use no observation but those of its block's scalars.
    """
    twice = (LocalSettings.model_fields.keys() & kind.model_fields.keys()) - {"method"}
    assert not twice, f"{kind.__name__} has {twice} of its own"
    fields = LocalSettings.model_fields
    namespace: dict[str, Any] = {
        "__module__": __name__,
        "__qualname__": f"Local{kind.__name__}",
        "__doc__": kind.__doc__,
        "__annotations__": {
            "methods": ClassVar[tuple[Localization, ...]],
            "own_only": ClassVar[bool],
            "localization": Localization,
            "halo": float,
        },
        "methods": methods,
        "own_only": own_only,
        "localization": Field(methods[0], description=fields["localization"].description),
        "halo": Field(
            0.0 if own_only else fields["halo"].default,
            ge=0,
            le=_WIDEST,
            allow_inf_nan=False,
            description=fields["halo"].description,
        ),
    }
    name = f"Local{kind.__name__}"
    return new_class(name, (LocalSettings, kind), exec_body=lambda body: body.update(namespace))
