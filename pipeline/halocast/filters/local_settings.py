"""The localization of window methods: settings that every one of them has in a run file.

A method's own settings lie beside its algebra; `localized` adds the ones of this module to them, so
that one word changed in a run file is another method with the same blocks.
"""

from __future__ import annotations

from types import new_class
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, model_validator

from halocast.filters.sampling import require_cells
from halocast.localization.taper import Taper, halo_problem
from halocast.settings import Settings

Localization = Literal["observations", "covariances"]
_WIDEST = 10_000.0  # cells


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
        description="Radius of a block's halo, in cells: how far an observation acts.",
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
        problem = halo_problem(self.block, self.halo, self.taper)
        if problem:
            raise ValueError(problem)
        return self


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
