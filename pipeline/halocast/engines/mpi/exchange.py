"""Results on their way between ranks: pickles of what is small, arrays as they lie in memory.

A result is pickled with its arrays left out (pickle protocol 5, out-of-band buffers); the arrays
are sent from where they lie and received where they stay: no copy is made on either side. Sizes go
first, then the pickles, then the arrays, in pieces below the 2 GiB that older MPIs can count.

Waiting is polite: a rank that waits for slower ones sleeps between looks, a tenth of the time it
has waited so far and at most a millisecond, so more ranks than cores do no harm and threads of
others (compression of a store's chunks) find a core.
"""

from __future__ import annotations

import io
import pickle
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from mpi4py import MPI

# arrays below travel in the pickle: a message of their own would cost more than a copy
SMALL_BYTES = 2048
LARGEST_MESSAGE = 1 << 30

_LONGEST_PAUSE = 1e-3
_FAILED = -1
_TAG = 7


def wait(request: MPI.Request) -> None:
    """Wait for a request, sleeping between looks."""
    pause = 1e-5
    while not request.Test():
        time.sleep(pause)
        pause = min(1.1 * pause, _LONGEST_PAUSE)


def meet(comm: MPI.Intracomm) -> None:
    """Wait until all ranks have come here."""
    wait(comm.Ibarrier())


class Parcel(NamedTuple):
    """A result without its arrays, and how many bytes each of those has."""

    number: int
    pickled: bytes
    sizes: list[int]


class Packed(NamedTuple):
    """A result ready to be sent: the arrays are views of those of the result."""

    parcel: Parcel
    arrays: list[memoryview]

    @property
    def nbytes(self) -> int:
        """Bytes in all."""
        return len(self.parcel.pickled) + sum(self.parcel.sizes)


class _Pickler(pickle.Pickler):
    """Leaves arrays out that numpy alone would not: strided ones, and times."""

    def reducer_override(self, item: Any) -> Any:
        if type(item) is not np.ndarray or item.nbytes < SMALL_BYTES or item.dtype.hasobject:
            return NotImplemented
        if item.dtype.kind in "mM":
            return _as_times, (item.view("i8"), item.dtype)
        if not item.flags.forc:
            return item.copy().__reduce_ex__(5)
        return NotImplemented


def _as_times(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    return values.view(dtype)


def pack(number: int, value: Any) -> Packed:
    """Separate a result from its larger arrays; fails where it cannot be pickled."""
    arrays: list[memoryview] = []

    def leave_out(buffer: pickle.PickleBuffer) -> bool:
        raw = buffer.raw()
        if raw.nbytes < SMALL_BYTES:
            return True  # stays inside
        arrays.append(raw)
        return False

    stream = io.BytesIO()
    _Pickler(stream, protocol=5, buffer_callback=leave_out).dump(value)
    return Packed(Parcel(number, stream.getvalue(), [a.nbytes for a in arrays]), arrays)


def unpack(parcel: Parcel, arrays: Sequence[memoryview]) -> Any:
    """Put a result together again; it lives in the memory of ``arrays``."""
    return pickle.loads(parcel.pickled, buffers=arrays)


def _room(parcel: Parcel) -> list[memoryview]:
    return [np.empty(size, np.uint8).data for size in parcel.sizes]


def _pieces(view: memoryview) -> list[memoryview]:
    """Cut a buffer into messages."""
    return [view[i : i + LARGEST_MESSAGE] for i in range(0, view.nbytes, LARGEST_MESSAGE)]


def send(comm: MPI.Intracomm, to: int, value: Any) -> None:
    """Send one value to a rank that gets it with `receive`; fails before anything is sent."""
    packed = pack(0, value)
    comm.send(packed.parcel, to, _TAG)
    for array in packed.arrays:
        for piece in _pieces(array):
            comm.Send([piece, MPI.BYTE], to, _TAG)


def receive(comm: MPI.Intracomm, source: int) -> Any:
    """Receive what a rank has sent with `send`."""
    parcel = comm.recv(None, source, _TAG)
    arrays = _room(parcel)
    for array in arrays:
        for piece in _pieces(array):
            comm.Recv([piece, MPI.BYTE], source, _TAG)
    return unpack(parcel, arrays)


def share(comm: MPI.Intracomm, packed: Packed | None, source: int) -> Any:
    """Give all ranks what one has, ``packed`` there and None elsewhere; the others get it."""
    if packed is not None:
        comm.bcast(packed.parcel, source)
        for array in packed.arrays:
            for piece in _pieces(array):
                comm.Bcast([piece, MPI.BYTE], source)
        return None
    parcel = comm.bcast(None, source)
    arrays = _room(parcel)
    for array in arrays:
        for piece in _pieces(array):
            comm.Bcast([piece, MPI.BYTE], source)
    return unpack(parcel, arrays)


def exchange(
    comm: MPI.Intracomm, outgoing: Mapping[int, Sequence[Packed]], *, failed: bool
) -> dict[int, Any] | None:
    """Move results between all ranks at once; returns those that came here, by number.

    Parameters
    ----------
    outgoing
        By destination.
    failed
        Whether this rank has failed before. When one has, nobody sends anything, and all get None.
    """
    letters = {to: pickle.dumps([p.parcel for p in packed]) for to, packed in outgoing.items()}
    sizes, coming = np.zeros(comm.size, np.int64), np.empty(comm.size, np.int64)
    for to, letter in letters.items():
        sizes[to] = len(letter)
    if failed:
        sizes[:] = _FAILED
    wait(comm.Ialltoall(sizes, coming))
    if failed or (coming == _FAILED).any():
        return None
    parcels = _exchange_letters(comm, letters, coming)
    rooms = {source: [_room(p) for p in its] for source, its in parcels.items()}
    requests = [
        comm.Irecv([piece, MPI.BYTE], source, _TAG)
        for source, its_rooms in rooms.items()
        for arrays in its_rooms
        for array in arrays
        for piece in _pieces(array)
    ]
    requests += [
        comm.Isend([piece, MPI.BYTE], to, _TAG)
        for to in _in_turn(comm, outgoing)
        for packed in outgoing[to]
        for array in packed.arrays
        for piece in _pieces(array)
    ]
    MPI.Request.Waitall(requests)
    return {
        parcel.number: unpack(parcel, arrays)
        for source, its in parcels.items()
        for parcel, arrays in zip(its, rooms[source], strict=True)
    }


def _exchange_letters(
    comm: MPI.Intracomm, letters: Mapping[int, bytes], coming: np.ndarray
) -> dict[int, list[Parcel]]:
    """Exchange the pickles, of known sizes; returns what came from whom."""
    arriving = {int(r): bytearray(int(coming[r])) for r in np.flatnonzero(coming)}
    requests = [comm.Irecv([room, MPI.BYTE], source, _TAG) for source, room in arriving.items()]
    requests += [comm.Isend([letters[to], MPI.BYTE], to, _TAG) for to in _in_turn(comm, letters)]
    MPI.Request.Waitall(requests)
    return {source: pickle.loads(letter) for source, letter in arriving.items()}


def _in_turn(comm: MPI.Intracomm, destinations: Mapping[int, Any]) -> list[int]:
    """Order destinations from the next rank round, so that no rank is everybody's first."""
    return sorted(destinations, key=lambda to: (to - comm.rank) % comm.size)
