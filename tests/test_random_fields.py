"""Red noise: the covariance it promises, and no wrapping around."""

from __future__ import annotations

import numpy as np
import pytest
from halocast.draws import Address, Purpose
from halocast.errors import ConfigError
from halocast.random_fields import amplitude, lattice_shape, red_noise
from scipy import optimize

ADDRESS = Address(3, 0, Purpose.INITIAL_STATE, 0)


def exact_covariance(lattice: tuple[int, int], lengths: tuple[float, float]) -> np.ndarray:
    """Covariance with the point (0, 0) on the periodic lattice: the transform of A²."""
    return np.fft.irfft2(amplitude(lattice, lengths) ** 2, s=lattice)


def test_filter_is_the_one_of_evensens_equation():
    # eq. (49): the width of the spectrum at which the correlation at distance r_h is 1/e
    n, r = 128, 10.0
    k = 2 * np.pi * np.fft.fftfreq(n)
    k2 = k[:, None] ** 2 + k[None, :] ** 2

    def excess(sigma):
        spectrum = np.exp(-2 * k2 / sigma**2)
        return (spectrum * np.cos(k[None, :] * r)).sum() / spectrum.sum() - np.exp(-1)

    sigma = optimize.brentq(excess, 0.2 * np.sqrt(8) / r, 5 * np.sqrt(8) / r, xtol=1e-14)
    assert abs(sigma * r / np.sqrt(8) - 1) < 1e-5
    shape = np.exp(-k2 / sigma**2)[:, : n // 2 + 1]
    mine = amplitude((n, n), (r, r))
    np.testing.assert_allclose(mine / mine[0, 0], shape, atol=1e-5)


@pytest.mark.parametrize("lengths", [(10.0, 10.0), (4.0, 9.0), (20.0, 3.0)])
def test_covariance_is_exp_of_minus_the_squared_distance(lengths):
    lattice = lattice_shape((128, 128), lengths)
    covariance = exact_covariance(lattice, lengths)
    assert abs(covariance[0, 0] - 1) < 1e-14  # variance one, exactly
    dy, dx = np.mgrid[0:40, 0:40]
    expected = np.exp(-((dy / lengths[0]) ** 2) - (dx / lengths[1]) ** 2)
    np.testing.assert_allclose(covariance[:40, :40], expected, atol=2e-6)


@pytest.mark.parametrize("length", [0.3, 2.0, 17.0, 60.0, 400.0])
def test_opposite_edges_do_not_see_each_other(length):
    shape = (50, 31)
    lattice = lattice_shape(shape, (length, length))
    covariance = exact_covariance(lattice, (length, length))
    for axis in (0, 1):
        distance = np.arange(shape[axis])
        straight = np.exp(-((distance / length) ** 2))
        along = covariance[: shape[0], 0] if axis == 0 else covariance[0, : shape[1]]
        assert abs(along[0] - 1) < 1e-12
        if length > 1:  # a shorter one is not resolved
            assert np.abs(along - straight).max() < 0.004
        assert lattice[axis] >= shape[axis] + 2.5 * length


def test_sample_statistics_of_400_fields():
    fields = np.stack([red_noise((128, 128), 10, ADDRESS._replace(index=i)) for i in range(400)])
    # about 400 * 128² / (2 pi L² / 2) independent values: the sample variance is known to 1 %
    assert abs(fields.var() - 1) < 0.02
    assert abs(fields.mean()) < 0.02
    for lag in (fields[:, 10:] * fields[:, :-10], fields[:, :, 10:] * fields[:, :, :-10]):
        assert abs(lag.mean() - np.exp(-1)) < 0.02
    # Gaussian: kurtosis 3 at a point far from others
    points = fields[:, ::40, ::40]
    assert abs(np.mean(points**4) / np.mean(points**2) ** 2 - 3) < 0.25
    by_point = fields.var(axis=0)
    assert by_point[:8].mean() == pytest.approx(by_point[60:68].mean(), abs=0.1)  # no edge effect


def test_a_field_is_its_address():
    one = red_noise((30, 40), 5, ADDRESS)
    np.testing.assert_array_equal(one, red_noise((30, 40), (5.0, 5.0), ADDRESS))
    other = red_noise((30, 40), 5, ADDRESS._replace(index=1))
    assert abs(np.mean(one * other)) < 0.6
    assert not np.array_equal(one, other)
    assert one.flags.c_contiguous


def test_a_tiny_length_is_white_noise():
    field = red_noise((100, 100), 1e-3, ADDRESS)
    assert abs(np.mean(field[1:] * field[:-1])) < 0.05
    assert abs(field.var() - 1) < 0.06


@pytest.mark.parametrize("length", [0.0, -1.0, np.nan, np.inf, (3.0, 0.0)])
def test_impossible_lengths_are_refused(length):
    with pytest.raises(ConfigError, match="length scale"):
        red_noise((10, 10), length, ADDRESS)
