"""Base fields: stationary Gaussian fields of unit variance on the lattice of cells.

Circulant embedding (Dietrich & Newsam 1997, SIAM J. Sci. Comput. 18, 1088-1107): on a periodic
lattice, white noise filtered with sqrt(FFT(C)) has covariance C. An axis that is not periodic is
padded by the support of C and the field cut out of the lattice, so that nothing of the way round
is left in it; a periodic axis is its own lattice.

C is summed over its images on the lattice, which samples a spectrum that is not negative: nothing
is clipped but rounding. The table of a base field is the inverse transform of the spectrum used
for drawing, so covariance and draw agree by construction. Gaspari and Cohn's function has a
support (twice its length); Matérn's is taken to end for the padding where it falls below 0.001,
and keeps its table over the whole grid.

SciPy's transform (pocketfft, one worker) does the same operations in the same order for the same
shape: a field's bits depend on its address and on the machine, not on who draws it.
Cost: one normal a lattice point (5 ns) and two real Fourier transforms.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import ceil
from typing import NamedTuple

import numpy as np
from scipy import fft
from scipy.optimize import brentq

from halocast.draws import Address, normals
from halocast.errors import ConfigError
from halocast.grid import Grid
from halocast.localization.taper import gaspari_cohn
from halocast.noise.settings import FieldNoise

_NEGLIGIBLE = 1e-3  # correlation at which Matérn's function ends for the padding
_ZERO = 1e-13  # correlation of images that are not summed any more
_CLIPPED = 1e-8  # share of the spectrum that rounding may make negative

Radial = Callable[[np.ndarray], np.ndarray]


class BaseField(NamedTuple):
    """A stationary field of unit variance.

    Attributes
    ----------
    start
        First element of its draws in a member's sequence.
    lattice
        Shape of the lattice its white noise lives on.
    amplitude
        Filter of that white noise, shape (ny, nx // 2 + 1); None where the field is white.
    table
        Its correlation by lag, shape (ky, kx), see `halocast.noise.correlation`.
    """

    start: int
    lattice: tuple[int, int]
    amplitude: np.ndarray | None
    table: np.ndarray

    def draw(self, address: Address, shape: tuple[int, int]) -> np.ndarray:
        """Draw the field on a grid of a shape; equal addresses give equal fields."""
        ny, nx = self.lattice
        white = normals(address, ny * nx, self.start).reshape(ny, nx)
        return self.filter(white, shape)

    def filter(self, white: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
        """Return what white noise on the lattice becomes on the grid; linear."""
        if self.amplitude is None:
            return white
        field = fft.irfft2(fft.rfft2(white, workers=1) * self.amplitude, s=self.lattice, workers=1)
        return np.ascontiguousarray(field[: shape[0], : shape[1]])


def white_field(grid: Grid, start: int) -> BaseField:
    """Base field without correlation."""
    return BaseField(start, grid.shape, None, np.ones((1, 1)))


def correlated_field(noise: FieldNoise, grid: Grid, start: int, where: str) -> BaseField:
    """Base field with the correlation of a settings entry.

    Parameters
    ----------
    start
        First element of its draws.
    where
        Name of the settings entry, for errors.

    Raises
    ------
    ConfigError
        The support of the correlation is longer than half of a periodic axis.
    """
    radial, end, negligible = _radial(noise)
    lengths = lengths_in_cells(noise, grid)
    support = (end * lengths[0], end * lengths[1])
    lattice = _lattice(grid, support, where)
    images = (_images(lattice[0], negligible * lengths[0]),
              _images(lattice[1], negligible * lengths[1]))  # fmt: skip
    wrapped = _wrapped(radial, lattice, lengths, images)
    spectrum = fft.rfft2(wrapped, workers=1).real
    positive = np.maximum(spectrum, 0.0)
    clipped = (positive - spectrum).sum()
    if clipped > _CLIPPED * positive.sum():
        raise ConfigError(
            f"the correlation's spectrum is negative: {clipped / positive.sum():.1g} of the total",
            where=where,
            remedy="use another length",
        )
    covariance = fft.irfft2(positive, s=lattice, workers=1)
    amplitude = np.sqrt(positive / covariance[0, 0])
    lags = _lags(grid, support if noise.correlation == "gaspari-cohn" else None)
    table = covariance[: lags[0], : lags[1]] / covariance[0, 0]
    table[wrapped[: lags[0], : lags[1]] == 0.0] = 0.0  # rounding of the transform
    return BaseField(start, lattice, amplitude, np.ascontiguousarray(table))


def lengths_in_cells(noise: FieldNoise, grid: Grid) -> tuple[float, float]:
    """Length of a correlation in rows and in columns; from km by the mean spacing of the grid."""
    if noise.length is not None:
        return noise.length, noise.length
    metres = 1000.0 * (noise.length_km or 0.0)
    return metres / grid.dy, metres / float(grid.dx.mean())


def _radial(noise: FieldNoise) -> tuple[Radial, float, float]:
    """Return the correlation as a function of distance in lengths, its support and its end."""
    if noise.correlation == "gaspari-cohn":
        return gaspari_cohn, 2.0, 2.0
    function = partial(matern, smoothness=noise.smoothness or 1.5)
    ends = [
        brentq(lambda r, c=level: float(function(np.array(r))) - c, 0.0, 50.0)
        for level in (_NEGLIGIBLE, _ZERO)
    ]
    return function, ends[0], ends[1]


def matern(r: np.ndarray, smoothness: float) -> np.ndarray:
    """Matérn's correlation of the distance in lengths, for smoothness 3/2 or 5/2.

    Rasmussen & Williams (2006), Gaussian Processes for Machine Learning, eq. 4.17.
    """
    s = np.sqrt(2 * smoothness) * r
    polynomial = 1.0 + s if smoothness == 1.5 else 1.0 + s + s * s / 3.0
    return polynomial * np.exp(-s)


def _lattice(grid: Grid, support: tuple[float, float], where: str) -> tuple[int, int]:
    sizes = []
    for axis, (n, reach) in enumerate(zip(grid.shape, support)):
        if grid.periodic[axis]:
            if reach > n / 2:
                name = ("y", "x")[axis]
                raise ConfigError(
                    f"noise correlates over {reach:.4g} cells, more than half of the periodic "
                    f"{name} axis of {n} cells",
                    where=where,
                    remedy=f"shorten the length by a factor of {2 * reach / n:.3g} or more",
                )
            sizes.append(n)
        else:
            sizes.append(fft.next_fast_len(n + ceil(reach), real=True))
    return sizes[0], sizes[1]


def _images(n: int, reach: float) -> int:
    """How many images on each side come within reach of a lag of up to n / 2."""
    return max(0, ceil(reach / n - 0.5))


def _wrapped(
    radial: Radial,
    lattice: tuple[int, int],
    lengths: tuple[float, float],
    images: tuple[int, int],
) -> np.ndarray:
    """Correlation summed over the images of a lag, shape of the lattice."""
    shortest = [(np.arange(n) + n // 2) % n - n // 2 for n in lattice]
    total = np.zeros(lattice)
    for p in range(-images[0], images[0] + 1):
        for q in range(-images[1], images[1] + 1):
            dy = (shortest[0] + p * lattice[0]) / lengths[0]
            dx = (shortest[1] + q * lattice[1]) / lengths[1]
            total += radial(np.hypot(dy[:, None], dx[None, :]))
    return total


def _lags(grid: Grid, support: tuple[float, float] | None) -> tuple[int, int]:
    """How many lags a table holds: up to the support, at most all that occur on the grid."""
    occurring = [n // 2 + 1 if p else n for n, p in zip(grid.shape, grid.periodic)]
    if support is None:
        return occurring[0], occurring[1]
    return min(occurring[0], ceil(support[0])), min(occurring[1], ceil(support[1]))
