"""Error covariances at stations: what a gain is made of, smoothed in time and stored.

For stations y_i and the state x, C = Cov(x, y) and D = Cov(y, y) give the gain C (D + R)^-1 of any
subset of them. Smoothing in time, with the half-life tau of what is remembered,

    P_sm <- s P + (1 - s) P_sm,    s = 1 - 0.5^(dt / tau)

takes white sampling noise of variance v down to v s / (2 - s). It needs stations that stay where
they are, and covariances that change slowly.

Source: DHI, MIKE FM's introduction to data assimilation (the two formulas).
"""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import numpy as np

from halocast.errors import ConfigError, StoreError
from halocast.filters.window import Window
from halocast.stores.places import locate


class Covariances(NamedTuple):
    """Covariances of q stations.

    Attributes
    ----------
    station
        What a station is known by, increasing, (q,).
    state
        C: between scalars and stations, (n, q).
    between
        D: between stations, (q, q); NaN for two that were never there at once.
    """

    station: np.ndarray
    state: np.ndarray
    between: np.ndarray

    def at(self, station: np.ndarray) -> Covariances:
        """Return those of some of the stations, in their order."""
        place = np.searchsorted(self.station, station)
        return Covariances(station, self.state[:, place], self.between[np.ix_(place, place)])


def smoothing_factor(interval: float, half_life: float) -> float:
    """Return s, the share of the new, for assimilation every ``interval`` (same unit)."""
    return 1.0 - 0.5 ** (interval / half_life)


def stations_of(window: Window) -> np.ndarray:
    """Return what the stations of a window are known by, (p,): the scalar each is of.

    Where that is not one scalar each, they are known by their numbers, which must then stay.
    """
    scalar = window.scalar
    if (scalar >= 0).all() and np.unique(scalar).size == scalar.size:
        return scalar.astype(float)
    return window.number.astype(float)


def ensemble_covariances(window: Window) -> Covariances:
    """Return the ensemble's own covariances, with m - 1, in the order of the window."""
    anomalies = window.forecast - window.forecast.mean(axis=0)
    predicted = window.predicted - window.predicted.mean(axis=0)
    degrees = window.members - 1
    return Covariances(
        stations_of(window), anomalies.T @ predicted / degrees, predicted.T @ predicted / degrees
    )


def smoothed(before: Covariances | None, now: Covariances, share: float) -> Covariances:
    """Return ``share`` of the new covariances and the rest of those before.

    What is new begins with its first value; stations that are absent now keep theirs.

    Raises
    ------
    ConfigError
        None of the stations was there before: they move.
    """
    order = np.argsort(now.station)
    now = Covariances(now.station[order], now.state[:, order], now.between[np.ix_(order, order)])
    if before is None or not before.station.size:
        return now
    if now.station.size and not np.isin(now.station, before.station).any():
        raise ConfigError(
            "the stations are other ones than in all cycles before: their covariances cannot be "
            "smoothed in time",
            remedy="assimilate fixed stations, or use tail smoothing, or a method without memory",
        )
    station = np.union1d(before.station, now.station)
    old, new = _spread_out(before, station), _spread_out(now, station)
    return Covariances(
        station,
        _blend(old.state, new.state, share),
        _blend(old.between, new.between, share),
    )


def _spread_out(part: Covariances, station: np.ndarray) -> Covariances:
    """Put covariances into the places of more stations; NaN where nothing is known."""
    place = np.searchsorted(station, part.station)
    state = np.full((part.state.shape[0], station.size), np.nan)
    between = np.full((station.size, station.size), np.nan)
    state[:, place] = part.state
    between[np.ix_(place, place)] = part.between
    return Covariances(station, state, between)


def _blend(old: np.ndarray, new: np.ndarray, share: float) -> np.ndarray:
    both = share * new + (1 - share) * old
    return np.where(np.isnan(old), new, np.where(np.isnan(new), old, both))


def save(covariances: Covariances, path: Path | str) -> None:
    """Write covariances to a file (npz), all or nothing; equal ones are equal bytes."""
    path = str(path)
    folder, _, name = path.rpartition("/")
    held = BytesIO()
    np.savez(held, **covariances._asdict())
    place = locate(folder or ".")
    place.make_folder()
    place.write(name, held.getvalue(), durable=True)


def load(path: Path | str) -> Covariances:
    """Read what `save` wrote.

    Raises
    ------
    StoreError
        There is no such file, or something else is in it.
    """
    folder, _, name = str(path).rpartition("/")
    try:
        with np.load(BytesIO(locate(folder or ".").read(name)), allow_pickle=False) as file:
            read = Covariances(**{part: file[part] for part in Covariances._fields})
    except (OSError, KeyError, ValueError) as error:
        raise StoreError(
            f"these are no stored covariances: {error}",
            where=str(path),
            remedy="store them with halocast.filters.operation.save",
        ) from error
    q = read.station.size
    if read.state.shape[1:] != (q,) or read.between.shape != (q, q):
        raise StoreError("stored covariances do not fit together", where=str(path))
    return read
