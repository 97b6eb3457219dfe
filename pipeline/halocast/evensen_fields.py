"""Random fields as Evensen (1994, 2003) makes them: waves of given amplitude and random phase.

On a periodic lattice of Ny x Nx cells, with wave numbers k and g and the area of a wave's cell
dk = (2 pi)^2 / (Nx Ny),

    W(x, y) = sum_{k,g} c exp(-(k² + g²) / sigma²) exp(2 pi i f) exp(i (k x + g y)) sqrt(dk)

with phases f uniform, those of opposite waves opposite: the field is real. sigma is solved for, so
that the correlation at the length r is 1/e, and c makes the variance 1 (Evensen 2003, eqs. 49-51
of the textbook chapter); sigma = sqrt(8) / r where the lattice is long. As every amplitude is
given, each field has mean square 1 over the lattice exactly, and is slightly less than Gaussian;
`halocast.random_fields.red_noise`, filtered white noise, is Gaussian.

Levels, or times, follow from one another (eq. 52)

    e_1 = W_1,    e_k = a e_{k-1} + sqrt(1 - a²) W_k

with variance 1 from the first on. (Beginning with e_0 = 0, as the equation is often copied, gives
the surface the variance 1 - a².) In time a = 0.5^(dt / half-life).

Cost: a uniform a wave and one Fourier transform.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy import fft
from scipy.optimize import brentq

from halocast.draws import Address, uniforms
from halocast.errors import ConfigError
from halocast.random_fields import lattice_shape

_SQUARES = 0.05, 1e3  # of sigma r: how short and how long a lattice may be
_LEVELS = 1 << 12  # random addresses of a field's levels


def evensen_field(shape: tuple[int, int], length_cells: float, address: Address) -> np.ndarray:
    """Draw a field of mean 0, variance 1 and correlation 1/e at a distance.

    Parameters
    ----------
    shape
        (ny, nx) of the field.
    length_cells
        r in cells. The field is cut out of a lattice 2.5 r longer each way.
    address
        Names the field; equal addresses, shapes and lengths give equal fields.

    Returns
    -------
    Field of shape (ny, nx).

    Raises
    ------
    ConfigError
        The length is not positive, or so short that neighbours cannot know of each other.
    """
    ny, nx = lattice_shape(shape, (_positive(length_cells), length_cells))
    field = lattice_field((ny, nx), length_cells, address)
    return np.ascontiguousarray(field[: shape[0], : shape[1]])


def lattice_field(lattice: tuple[int, int], length_cells: float, address: Address) -> np.ndarray:
    """Draw a periodic field on the whole lattice (ny, nx); its mean square is 1."""
    ny, nx = lattice
    squared = _squared_wave_numbers(lattice)
    amplitude = np.exp(-squared / spectrum_width(lattice, length_cells) ** 2)
    amplitude /= np.sqrt(np.sum(amplitude**2))  # c sqrt(dk)
    phase = uniforms(address, ny * nx).reshape(ny, nx)
    wave = np.arange(ny * nx).reshape(ny, nx)
    opposite = wave[np.ix_(-np.arange(ny) % ny, -np.arange(nx) % nx)]
    turn = np.where(wave < opposite, phase, -phase.reshape(-1)[opposite])
    own = wave == opposite  # such a wave is real: its phase is 0 or 1/2
    turn[own] = np.round(phase[own]) / 2
    waves = amplitude * np.exp(2j * np.pi * turn)
    return fft.ifft2(waves).real * (ny * nx)


@lru_cache(maxsize=64)
def spectrum_width(lattice: tuple[int, int], length_cells: float) -> float:
    """Return sigma, for which the correlation of lattice fields at ``length_cells`` is 1/e.

    Raises
    ------
    ConfigError
        There is none: the length is more than the lattice, or less than a cell, can show.
    """
    squared = _squared_wave_numbers(lattice)
    along = 2 * np.pi * fft.fftfreq(lattice[1])[None, :]

    def beyond(sigma: float) -> float:
        spectrum = np.exp(-2 * squared / sigma**2)
        return float(np.sum(spectrum * np.cos(along * length_cells)) / spectrum.sum() - np.exp(-1))

    first = np.sqrt(8) / _positive(length_cells)
    low, high = 0.2 * first, 5.0 * first
    if not beyond(low) > 0 > beyond(high):
        raise ConfigError(
            f"no spectrum on {lattice[0]} x {lattice[1]} cells has the correlation 1/e at "
            f"{length_cells:g} cells",
            remedy="choose a length of at least one cell, below half the lattice",
        )
    return brentq(beyond, low, high, xtol=1e-14 * first, rtol=1e-14)


def red_levels(
    levels: int, correlation: float, shape: tuple[int, int], length_cells: float, address: Address
) -> np.ndarray:
    """Draw fields of variance 1, each correlated with the one above it.

    Parameters
    ----------
    levels
        How many; below 4096.
    correlation
        a, of neighbours, in [0, 1].
    shape, length_cells
        As for `evensen_field`.
    address
        Its index times 4096 and the level name the fields.

    Returns
    -------
    Fields of shape (levels, ny, nx).

    Raises
    ------
    ConfigError
        The correlation is outside [0, 1], or there are no or too many levels.
    """
    if not 0 <= correlation <= 1 or not 1 <= levels < _LEVELS:
        raise ConfigError(
            f"{levels} levels with correlation {correlation:g} cannot be drawn",
            remedy=f"give 1 to {_LEVELS - 1} levels and a correlation in [0, 1]",
        )
    drawn = [
        evensen_field(shape, length_cells, address._replace(index=address.index * _LEVELS + level))
        for level in range(levels)
    ]
    out = [drawn[0]]
    for field in drawn[1:]:
        out.append(next_red(out[-1], field, correlation))
    return np.array(out)


def next_red(before: np.ndarray, field: np.ndarray, correlation: float) -> np.ndarray:
    """Return the next level or time: a before + sqrt(1 - a²) field, of variance 1 if both are."""
    return correlation * before + np.sqrt(1 - correlation**2) * field


def _positive(length: float) -> float:
    if not (np.isfinite(length) and length > 0):
        raise ConfigError(
            f"the length of a random field is {length} cells", remedy="give a positive length"
        )
    return float(length)


def _squared_wave_numbers(lattice: tuple[int, int]) -> np.ndarray:
    ky, kx = (2 * np.pi * fft.fftfreq(n) for n in lattice)
    return ky[:, None] ** 2 + kx[None, :] ** 2
