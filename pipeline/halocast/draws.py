"""Random numbers that are addressed, not streamed.

Every draw has an address: (seed, cycle, purpose, index) names a sequence, ``element`` a place in
it. Philox4x32-10 (Salmon et al. 2011, SC11) turns the address into bits, the inverse normal
distribution (Wichura 1988, AS 241) turns a uniform into a normal. Nothing depends on who draws
first, on how work was grouped, or on what was drawn before.

The counter is (element // 2, index, cycle, purpose), the key the 64-bit seed, so addresses cannot
collide. Each Philox block gives two 53-bit uniforms. Cost: about 5 ns a normal.

No vector loop here calls a transcendental function: the tails of the normal, which need a
logarithm, are finished by a scalar loop, so any cut of a sequence gives the same bits.
"""

from __future__ import annotations

from enum import IntEnum
from math import log, sqrt
from typing import NamedTuple

import numpy as np
from numba import njit

_U32 = np.uint64(0xFFFFFFFF)
_SHIFT32 = np.uint64(32)
_MULTIPLIER_0 = np.uint64(0xD2511F53)
_MULTIPLIER_1 = np.uint64(0xCD9E8D57)
_WEYL_0 = np.uint64(0x9E3779B9)
_WEYL_1 = np.uint64(0xBB67AE85)
_TWO_POW_MINUS_53 = 1.0 / 9007199254740992.0
_LARGEST = 1.0 - _TWO_POW_MINUS_53
_CHUNK = 512


class Purpose(IntEnum):
    """What a draw is for. The numbers are part of a run's identity: never reuse one."""

    MODEL_NOISE = 1
    ANCESTORS = 2
    INITIAL_STATE = 3
    WITHHOLDING = 4
    NATURE_NOISE = 5
    NATURE_STATE = 6
    NATURE_OBSERVATIONS = 7
    SYNTHETIC_FILES = 8
    CHAIN = 9
    OBSERVATION_NOISE = 10
    OBSERVATION_SCALE = 13
    SAMPLES = 14
    DONOR = 15
    ROTATION = 16
    RESAMPLING = 17
    JITTER = 18
    PROPOSAL = 19
    LANGEVIN = 20
    TRAINING = 21
    OBSERVATION_ORDER = 22
    TAIL = 23
    CLIMATE = 24


class Address(NamedTuple):
    """The name of a sequence of draws.

    ``index`` is a member or a block. All of cycle, purpose and index are in [0, 2**32);
    the seed is in [0, 2**64).
    """

    seed: int
    cycle: int
    purpose: int
    index: int  # type: ignore[assignment]  # hides tuple.index, which nobody needs


@njit(cache=True, nogil=True, inline="always")
def _philox(c0, c1, c2, c3, k0, k1):  # pragma: no cover - compiled
    for _ in range(10):
        p0 = _MULTIPLIER_0 * c0
        p1 = _MULTIPLIER_1 * c2
        c0 = (p1 >> _SHIFT32) ^ c1 ^ k0
        c1 = p1 & _U32
        c2 = (p0 >> _SHIFT32) ^ c3 ^ k1
        c3 = p0 & _U32
        k0 = (k0 + _WEYL_0) & _U32
        k1 = (k1 + _WEYL_1) & _U32
    return c0, c1, c2, c3


@njit(cache=True, nogil=True, inline="always")
def _to_uniform(high, low):  # pragma: no cover - compiled
    # 53 bits, centred in their bin: never 0; the last bin's centre would round to 1
    bits = ((high >> np.uint64(5)) << np.uint64(26)) | (low >> np.uint64(6))
    return min((np.float64(np.int64(bits)) + 0.5) * _TWO_POW_MINUS_53, _LARGEST)


@njit(cache=True, nogil=True)
def uniform_at(seed, cycle, purpose, index, element):  # pragma: no cover - compiled
    """One uniform in (0, 1) at an address (callable from compiled code)."""
    key = np.uint64(seed)
    a, b, c, d = _philox(
        np.uint64(element >> 1), np.uint64(index), np.uint64(cycle), np.uint64(purpose),
        key & _U32, key >> _SHIFT32,
    )  # fmt: skip
    return _to_uniform(a, b) if (element & 1) == 0 else _to_uniform(c, d)


@njit(cache=True, nogil=True, inline="always")
def _central_quantile(q):  # pragma: no cover - compiled
    """AS 241, |q| <= 0.425, q = p - 1/2: a ratio of polynomials of degree 7 in 0.425**2 - q**2."""
    r = 0.180625 - q * q
    num = ((((((2509.0809287301226727 * r + 33430.575583588128105) * r
               + 67265.770927008700853) * r + 45921.953931549871457) * r
             + 13731.693765509461125) * r + 1971.5909503065514427) * r
           + 133.14166789178437745) * r + 3.387132872796366608  # fmt: skip
    den = ((((((5226.495278852545925 * r + 28729.085735721942674) * r
               + 39307.89580009271061) * r + 21213.794301586595867) * r
             + 5394.1960214247511077) * r + 687.1870074920579083) * r
           + 42.313330701600911252) * r + 1.0  # fmt: skip
    return q * num / den


@njit(cache=True, nogil=True)
def _tail_quantile(q, tail):  # pragma: no cover - compiled
    r = sqrt(-log(tail))
    if r <= 5.0:
        r -= 1.6
        num = ((((((7.7454501427834140764e-4 * r + 0.0227238449892691845833) * r
                   + 0.24178072517745061177) * r + 1.27045825245236838258) * r
                 + 3.64784832476320460504) * r + 5.7694972214606914055) * r
               + 4.6303378461565452959) * r + 1.42343711074968357734  # fmt: skip
        den = ((((((1.05075007164441684324e-9 * r + 5.475938084995344946e-4) * r
                   + 0.0151986665636164571966) * r + 0.14810397642748007459) * r
                 + 0.68976733498510000455) * r + 1.6763848301838038494) * r
               + 2.05319162663775882187) * r + 1.0  # fmt: skip
    else:
        r -= 5.0
        num = ((((((2.01033439929228813265e-7 * r + 2.71155556874348757815e-5) * r
                   + 0.0012426609473880784386) * r + 0.026532189526576123093) * r
                 + 0.29656057182850489123) * r + 1.7848265399172913358) * r
               + 5.4637849111641143699) * r + 6.6579046435011037772  # fmt: skip
        den = ((((((2.04426310338993978564e-15 * r + 1.4215117583164458887e-7) * r
                   + 1.8463183175100546818e-5) * r + 7.868691311456132591e-4) * r
                 + 0.0148753612908506148525) * r + 0.13692988092273580531) * r
               + 0.59983220655588793769) * r + 1.0  # fmt: skip
    return -num / den if q < 0.0 else num / den


@njit(cache=True, nogil=True)
def normal_quantile(p):  # pragma: no cover - compiled
    """The standard normal quantile of p in (0, 1), to about 1e-16 (Wichura 1988, AS 241)."""
    q = p - 0.5
    if abs(q) <= 0.425:
        return _central_quantile(q)
    return _tail_quantile(q, p if q < 0.0 else 1.0 - p)


@njit(cache=True, nogil=True)
def fill_uniforms(out, seed, cycle, purpose, index, start):  # pragma: no cover - compiled
    """Fill the 1-D array ``out`` with the uniforms of elements start, start + 1, …"""
    key = np.uint64(seed)
    k0, k1 = key & _U32, key >> _SHIFT32
    c1, c2, c3 = np.uint64(index), np.uint64(cycle), np.uint64(purpose)
    n = out.size
    first = start & 1
    if first and n > 0:
        out[0] = uniform_at(seed, cycle, purpose, index, start)
    pair0 = (start + first) >> 1
    pairs = (n - first) >> 1
    for i in range(pairs):
        a, b, c, d = _philox(np.uint64(pair0 + i), c1, c2, c3, k0, k1)
        out[first + 2 * i] = _to_uniform(a, b)
        out[first + 2 * i + 1] = _to_uniform(c, d)
    done = first + 2 * pairs
    if done < n:
        out[done] = uniform_at(seed, cycle, purpose, index, start + done)


@njit(cache=True, nogil=True)
def fill_normals(out, seed, cycle, purpose, index, start):  # pragma: no cover - compiled
    """Fill the 1-D array ``out`` with the standard normals of elements start, start + 1, …"""
    uniforms = np.empty(_CHUNK)
    for begin in range(0, out.size, _CHUNK):
        n = min(_CHUNK, out.size - begin)
        fill_uniforms(uniforms[:n], seed, cycle, purpose, index, start + begin)
        for i in range(n):
            out[begin + i] = _central_quantile(uniforms[i] - 0.5)
        for i in range(n):
            if abs(uniforms[i] - 0.5) > 0.425:
                out[begin + i] = normal_quantile(uniforms[i])


def uniforms(address: Address, count: int, start: int = 0) -> np.ndarray:
    """Return ``count`` uniforms in (0, 1), elements ``start`` onwards of ``address``."""
    out = np.empty(count)
    fill_uniforms(out, np.uint64(address.seed), address.cycle, int(address.purpose),
                  address.index, start)  # fmt: skip
    return out


def normals(address: Address, count: int, start: int = 0) -> np.ndarray:
    """Return ``count`` standard normals, elements ``start`` onwards of ``address``."""
    out = np.empty(count)
    fill_normals(out, np.uint64(address.seed), address.cycle, int(address.purpose),
                 address.index, start)  # fmt: skip
    return out
