"""A small network: layers of weights with SiLU between them, and their derivatives by hand.

    a_0 = input,    a_{l+1} = silu(a_l W_l + b_l),    output = a_L W_L + b_L
    silu(z) = z / (1 + e^-z)

All in single precision. Cost: forward 2, forward and back 6 operations a weight and row.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from halocast.draws import Address, normals


class Network(NamedTuple):
    """Weights W_l (inputs, outputs) and offsets b_l (outputs,) of each layer, float32."""

    weights: tuple[np.ndarray, ...]
    offsets: tuple[np.ndarray, ...]

    @property
    def parameters(self) -> tuple[np.ndarray, ...]:
        """All arrays, weights first."""
        return self.weights + self.offsets


class Passed(NamedTuple):
    """What the way back needs: each layer's input, and what silu was made of, z and 1/(1+e^-z)."""

    inputs: list[np.ndarray]
    sums: list[np.ndarray]
    gates: list[np.ndarray]


def first_weights(sizes: tuple[int, ...], address: Address) -> Network:
    """Draw weights of variance 1 / inputs; the last layer is small, so that training begins at 0.

    Parameters
    ----------
    sizes
        Numbers of inputs, of each hidden layer, and of outputs.
    """
    weights, start = [], 0
    for layer, (inputs, outputs) in enumerate(pairwise(sizes)):
        scale = (0.1 if layer == len(sizes) - 2 else 1.0) / np.sqrt(inputs)
        drawn = scale * normals(address, inputs * outputs, start)
        weights.append(drawn.reshape(inputs, outputs).astype(np.float32))
        start += inputs * outputs
    return Network(tuple(weights), tuple(np.zeros(size, np.float32) for size in sizes[1:]))


def forward(network: Network, inputs: np.ndarray) -> np.ndarray:
    """Return the outputs of rows of inputs, (rows, inputs) -> (rows, outputs), float32."""
    return forward_keeping(network, inputs)[0]


def forward_keeping(network: Network, inputs: np.ndarray) -> tuple[np.ndarray, Passed]:
    """Return the outputs, and what `backward` needs."""
    passed = Passed([inputs], [], [])
    for weights, offset in zip(network.weights[:-1], network.offsets[:-1]):
        total = passed.inputs[-1] @ weights
        total += offset
        gate = 1 / (1 + np.exp(-total))
        passed.sums.append(total)
        passed.gates.append(gate)
        passed.inputs.append(total * gate)
    return passed.inputs[-1] @ network.weights[-1] + network.offsets[-1], passed


def backward(network: Network, passed: Passed, slope: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return the derivatives of a loss by all parameters.

    Parameters
    ----------
    slope
        Derivative of the loss by the outputs, (rows, outputs).
    """
    weights, offsets = [], []
    for layer in range(len(network.weights) - 1, -1, -1):
        weights.append(passed.inputs[layer].T @ slope)
        offsets.append(slope.sum(axis=0))
        if layer:
            z, gate = passed.sums[layer - 1], passed.gates[layer - 1]
            slope = (slope @ network.weights[layer].T) * (gate * (1 + z * (1 - gate)))
    return (*reversed(weights), *reversed(offsets))
