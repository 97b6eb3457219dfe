"""What SWOT would see of an ocean: true heights, noise, ramps, rain, gaps, flags, tides.

With x the distance from nadir and l the distance along the track:

    ssha_karin_2     = ssh - mdt + noise(|x|) + ramp(l) x
    height_cor_xover = -ramp(l) x + residual(l) x
    ssh_karin_2      = ssha_karin_2 + mean_sea_surface + tides + dac

so that ssha_karin_2 + height_cor_xover + mean_sea_surface_cnescls - geoid is the ocean's ssh with
the instrument's white noise and a small residual ramp. The geoid and the tides are invented.
Every draw is addressed by (seed, pass, line, pixel): cropping changes no pixel.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np

from halocast.draws import Address, Purpose, normals, uniforms
from halocast.sources.sphere import Box, inside_box
from halocast.sources.swot_noise import karin_noise
from halocast.sources.synthetic.swot_format import QUALITY_BITS
from halocast.sources.synthetic.swot_orbit import PASS_SECONDS, Pass, nadir, swath

_STREAM = 2_000_000  # the first "cycle" of this module's addresses
_EPOCH = np.datetime64("2000-01-01", "ns")
_TAI_MINUS_UTC = 37.0
_RAMP = 3.0  # metres at the swath's edge before the crossover correction
_EDGE = 60e3
_SEGMENT = 200e3  # metres along the track in which rain cells are drawn
_CELLS = 2


class Ocean(Protocol):
    """What the writers ask of an ocean: values of a variable anywhere, at any time."""

    def sample(
        self, variable: str, time: np.ndarray, lat: np.ndarray, lon: np.ndarray
    ) -> np.ndarray: ...


class SwathGrid(NamedTuple):
    """Lines and columns of a product; ``columns`` are metres from nadir, right positive."""

    lines: int
    columns: np.ndarray

    @property
    def seconds(self) -> float:
        return PASS_SECONDS / self.lines

    @property
    def spacing(self) -> float:
        return abs(float(self.columns[1] - self.columns[0]))


SMOOTH = SwathGrid(9866, 2000.0 * np.arange(-34, 35))
LEFT = SwathGrid(83427, -5000.0 - 250.0 * np.arange(240))  # outward, as released granules are
RIGHT = SwathGrid(83427, 5000.0 + 250.0 * np.arange(240))


class Lines(NamedTuple):
    """Some lines of a pass: numbers, times, places; arrays (lines, columns)."""

    number: np.ndarray
    time: np.ndarray
    lat: np.ndarray
    lon: np.ndarray
    cross_track: np.ndarray
    measured: np.ndarray


class PassDraws(NamedTuple):
    """Random numbers of one pass; ``purpose`` tells apart what they are for."""

    seed: int
    over: Pass

    def address(self, purpose: int) -> Address:
        stream = _STREAM + 1000 * self.over.cycle + self.over.number
        return Address(self.seed, stream, Purpose.SYNTHETIC_FILES, purpose)

    def pixel_normals(self, purpose: int, number: np.ndarray, columns: int) -> np.ndarray:
        """Normals of each pixel of consecutive lines, whichever lines they are."""
        count = number.size * columns
        first = int(number[0]) * columns if number.size else 0
        return normals(self.address(purpose), count, first).reshape(number.size, columns)

    def pixel_uniforms(self, purpose: int, number: np.ndarray, columns: int) -> np.ndarray:
        """Uniforms of each pixel, as `pixel_normals`."""
        count = number.size * columns
        first = int(number[0]) * columns if number.size else 0
        return uniforms(self.address(purpose), count, first).reshape(number.size, columns)

    def wave(self, purpose: int, along: np.ndarray, longest: float) -> np.ndarray:
        """A smooth random function of distance along the track, standard deviation about 1."""
        waves = 6
        draw = uniforms(self.address(purpose), 2 * waves).reshape(2, waves)
        length = longest * (0.3 + 0.7 * draw[0])
        phase = 2 * np.pi * (along[:, None] / length + draw[1])
        return np.sqrt(2.0 / waves) * np.sin(phase).sum(axis=1)


def lines_of(
    over: Pass, grid: SwathGrid, box: Box, window: tuple[np.datetime64, np.datetime64], whole: bool
) -> Lines:
    """Lay out the lines of a pass that touch a box within a window of time, or all of them."""
    number = np.arange(grid.lines)
    time = over.start + np.round(number * grid.seconds * 1e9).astype("m8[ns]")
    if not whole:
        margin = np.timedelta64(60, "s")  # the swath's corners touch before its middle does
        near = (time >= over.enter - margin) & (time <= over.leave + margin)
        number, time = number[near], time[near]
    lat, lon = swath(time, grid.columns)
    within = inside_box(box, lat, lon) & ((time >= window[0]) & (time <= window[1]))[:, None]
    if not whole:
        touched = np.flatnonzero(within.any(axis=1))
        kept = slice(touched[0], touched[-1] + 1) if touched.size else slice(0, 0)
        number, time, within = number[kept], time[kept], within[kept]
        lat, lon = lat[kept], lon[kept]
    cross_track = np.broadcast_to(grid.columns, lat.shape)
    distance = np.abs(cross_track)
    measured = within & (distance >= 10e3) & (distance <= 60e3)
    return Lines(number, time, lat, np.mod(lon, 360.0), cross_track, measured)


def observe(
    ocean: Ocean, lines: Lines, grid: SwathGrid, draw: PassDraws, residual_sd: float
) -> dict[str, np.ndarray]:
    """Values of every variable of the format, in its units."""
    shape = lines.lat.shape
    along = lines.number * (grid.seconds * 6.45e3)
    ssh = np.full(shape, np.nan)
    at = lines.measured
    time = np.broadcast_to(lines.time[:, None], shape)
    ssh[at] = ocean.sample("ssh", time[at], lines.lat[at], lines.lon[at])
    rain = _rain(lines, along, draw)
    lost, untimed = _outages(lines, grid, draw)
    land = at & np.isnan(ssh)
    geoid, mdt = _geoid(lines.lat, lines.lon), mean_dynamic_topography(lines.lat)
    tides = _tides(lines)
    ramp = _RAMP / _EDGE * draw.wave(10, along, 8e6)[:, None] * lines.cross_track
    residual = residual_sd / _EDGE * draw.wave(11, along, 1.5e6)[:, None] * lines.cross_track
    sd = karin_noise(lines.cross_track, unsmoothed=grid.spacing < 1000.0)
    noise = sd * draw.pixel_normals(_noise_stream(grid), lines.number, shape[1])
    ssha = ssh - mdt + np.where(rain > 0, 4.0, 1.0) * noise + ramp
    ssha[lost] = np.nan
    quality = _quality(ssha, rain, lines, draw, shape[1])
    wet = 0.005 * draw.wave(12, along, 5e5)[:, None]
    seconds = (lines.time - _EPOCH) / np.timedelta64(1, "s")
    seconds = np.where(untimed, np.nan, seconds)
    mean_surface = geoid + mdt
    ssh_karin_2 = ssha + mean_surface + sum(tides.values())
    nadir_lat, nadir_lon = nadir(lines.time)
    flat = np.zeros(shape)
    return {
        "time": seconds,
        "time_tai": seconds + _TAI_MINUS_UTC,
        "latitude": lines.lat,
        "longitude": lines.lon,
        "ssh_karin": ssh_karin_2 + wet,
        "ssh_karin_qual": quality,
        "ssh_karin_2": ssh_karin_2,
        "ssh_karin_2_qual": quality,
        "ssha_karin": ssha + wet,
        "ssha_karin_qual": quality,
        "ssha_karin_2": ssha,
        "ssha_karin_2_qual": quality,
        "ssh_karin_uncert": np.where(np.isnan(ssha), np.nan, sd),
        "height_cor_xover": residual - ramp,
        "height_cor_xover_qual": _crossover_quality(along, draw, shape),
        "mean_sea_surface_cnescls": mean_surface,
        "mean_sea_surface_cnescls_uncert": flat + 0.01,
        "geoid": geoid,
        "mean_dynamic_topography": mdt,
        "distance_to_coast": flat + 500e3,
        "heading_to_coast": flat + 90.0,
        "num_pt_avg": np.where(np.isnan(ssha), 0, 64),
        "ancillary_surface_classification_flag": land.astype(np.int64),
        "dynamic_ice_flag": np.zeros(shape, np.int64),
        "rain_flag": rain,
        "rad_surface_type_flag": np.zeros((shape[0], 2), np.int64),
        "latitude_nadir": nadir_lat,
        "longitude_nadir": np.mod(nadir_lon, 360.0),
        "cross_track_distance": np.array(lines.cross_track),
        "swh_karin": flat + 2.0,
        **tides,
    }


def mean_dynamic_topography(lat: np.ndarray) -> np.ndarray:
    """The subtropical gyre and its fall across the Gulf Stream, m, as altimetry shows it."""
    return 0.47 - 0.15 * (1.0 + np.tanh((lat - 38.0) / 3.0))


def _geoid(lat: np.ndarray, lon: np.ndarray) -> np.ndarray:
    x, y = np.radians(lon), np.radians(lat)
    broad = 30.0 * np.sin(2.0 * x + 0.5) * np.cos(3.0 * y) - 10.0 * np.cos(2.0 * y)
    return broad + 0.8 * np.sin(40.0 * x) * np.sin(50.0 * y)


def _tides(lines: Lines) -> dict[str, np.ndarray]:
    """Tides and pressure, by name of their variable: smooth, of the right size, invented."""
    x, y = np.radians(lines.lon), np.radians(lines.lat)
    hours = ((lines.time - _EPOCH) / np.timedelta64(1, "h"))[:, None]
    m2 = 2.0 * np.pi * hours / 12.4206
    return {
        "ocean_tide_fes": 0.4 * np.cos(m2 - 2.0 * x + 3.0 * y),
        "solid_earth_tide": 0.15 * np.cos(m2 - 2.0 * x) * np.cos(y) ** 2,
        "internal_tide_hret": 0.008 * np.cos(m2 - 45.0 * x + 20.0 * y),
        "pole_tide": 0.004 * np.sin(2.0 * y) * np.cos(x),
        "dac": 0.06 * np.sin(3.0 * x + 2.0 * np.pi * hours / 96.0) * np.sin(y),
    }


def _rain(lines: Lines, along: np.ndarray, draw: PassDraws) -> np.ndarray:
    """Rain flag: 2 in the core of cells 10 to 40 km in radius, 1 at their rim."""
    flag = np.zeros(lines.lat.shape, np.int64)
    if not along.size:
        return flag
    first, last = int(along[0] // _SEGMENT) - 1, int(along[-1] // _SEGMENT) + 1
    first = max(first, 0)
    count = (last - first + 1) * _CELLS
    happens, place, across, size = (
        uniforms(draw.address(20), 4 * count, 4 * first * _CELLS).reshape(count, 4).T
    )
    segment = first + np.arange(count) // _CELLS
    for cell in np.flatnonzero(happens < 0.55):
        middle = (segment[cell] + place[cell]) * _SEGMENT
        radius = 10e3 + 30e3 * size[cell]
        near = slice(*np.searchsorted(along, [middle - radius, middle + radius]))
        x = lines.cross_track[near] - 65e3 * (2.0 * across[cell] - 1.0)
        distance = np.hypot(along[near, None] - middle, x)
        flag[near] = np.maximum(flag[near], (distance < radius) * (1 + (distance < 0.8 * radius)))
    return flag


def _outages(lines: Lines, grid: SwathGrid, draw: PassDraws) -> tuple[np.ndarray, np.ndarray]:
    """Lines without data (a hundredth of them, in runs of 10 to 30 km), and without a time."""
    run = max(round(20e3 / (grid.seconds * 6.45e3)), 1)
    block = lines.number // run
    blocks = int(block.max(initial=0)) + 1
    chance = uniforms(draw.address(21), blocks)[block]
    return chance < 0.012, chance < 0.003


def _quality(
    ssha: np.ndarray, rain: np.ndarray, lines: Lines, draw: PassDraws, columns: int
) -> np.ndarray:
    """Quality bits: random suspects, noisy rain, some degraded pixels, bad where no height is."""
    bit = {name: np.int64(1) << number for name, number in QUALITY_BITS.items()}
    chance = draw.pixel_uniforms(22 + (columns != 69), lines.number, columns)
    quality = np.zeros(ssha.shape, np.int64)
    suspects = ("suspect_large_ssh_delta", "suspect_large_ssh_std",
                "suspect_large_ssh_window_std", "suspect_beam_used")  # fmt: skip
    for i, name in enumerate(suspects):
        quality[(chance >= 0.004 * i) & (chance < 0.004 * (i + 1))] |= bit[name]
    quality[(chance >= 0.016) & (chance < 0.021)] |= bit["degraded_beam_used"] | bit["degraded"]
    quality[rain == 2] |= bit["suspect_large_ssh_std"]
    quality[np.isnan(ssha)] |= bit["bad_not_usable"]
    return quality


def _crossover_quality(along: np.ndarray, draw: PassDraws, shape: tuple[int, ...]) -> np.ndarray:
    block = (along // 1e6).astype(np.int64)
    chance = uniforms(draw.address(24), int(block.max(initial=0)) + 1)[block]
    quality = np.where(chance < 0.02, 2, np.where(chance < 0.10, 1, 0))
    return np.array(np.broadcast_to(quality[:, None], shape))


def _noise_stream(grid: SwathGrid) -> int:
    if grid is SMOOTH:
        return 0
    return 1 if grid is LEFT else 2
