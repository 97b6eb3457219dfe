"""The training with torch: the same network, batches and steps as `training` has in numpy.

Optional: ``pip install 'halocast[score]'``. Batches are drawn in numpy, weights come from there and
go back, so that only the derivatives and Adam are torch's; both differ from numpy's by rounding.

Cost, on one thread, milliseconds of processor time a step (hidden width, batch):

    numpy    0.45 (64, 256)    2.0 (256, 256)    25 (512, 1024)
    torch    0.94              3.1               27

so that on a processor numpy is the better choice for every network that this filter has.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import numpy as np
import torch

from halocast.filters.score.batches import Batch, posed
from halocast.filters.score.network import Network
from halocast.filters.score.schedule import FORGET, FORGET_SQUARE, TINY, rate_at, require_finite
from halocast.filters.score.settings import CdsmSettings


def descend(network: Network, batches: Iterable[Batch], settings: CdsmSettings) -> Network:
    """Take a step of Adam with each batch; see `training.descend`."""
    with _one_thread():
        parameters = _tensors(network)
        adam = torch.optim.Adam(
            parameters, lr=settings.training_rate, betas=(FORGET, FORGET_SQUARE), fused=True
        )
        for step, batch in enumerate(batches, 1):
            # torch adds eps after the correction of the second moment's bias, `training` before
            tiny = TINY / np.sqrt(1 - FORGET_SQUARE**step)
            adam.param_groups[0].update(lr=rate_at(step, settings), eps=tiny)
            adam.zero_grad()
            loss = _loss(parameters, batch)
            require_finite(loss.item(), step, settings)
            loss.backward()
            adam.step()
        trained = [part.detach().numpy() for part in parameters]
    return Network(tuple(trained[: len(network.weights)]), tuple(trained[len(network.weights) :]))


def loss_of(network: Network, batch: Batch) -> tuple[float, tuple[np.ndarray, ...]]:
    """Return the loss of a batch and its derivatives by the parameters."""
    with _one_thread():
        parameters = _tensors(network)
        loss = _loss(parameters, batch)
        loss.backward()
        return loss.item(), tuple(part.grad.numpy() for part in parameters)


def _loss(parameters: list[torch.Tensor], batch: Batch) -> torch.Tensor:
    inputs, wanted = (torch.from_numpy(part) for part in posed(batch))
    layers = len(parameters) // 2
    *hidden, last = zip(parameters[:layers], parameters[layers:])
    passed = inputs
    for weights, offset in hidden:
        passed = torch.nn.functional.silu(torch.addmm(offset, passed, weights))
    weights, offset = last
    return torch.nn.functional.mse_loss(torch.addmm(offset, passed, weights), wanted)


def _tensors(network: Network) -> list[torch.Tensor]:
    return [torch.tensor(part, requires_grad=True) for part in network.parameters]


@contextmanager
def _one_thread() -> Iterator[None]:
    """Compute with one thread: equal bits everywhere, and no slower for matrices of this size."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
