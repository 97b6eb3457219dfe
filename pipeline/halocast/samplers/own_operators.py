"""Operators of the user's in compiled kernels: a table of function pointers, looked up by code.

The kernels are compiled ahead and cached; an operator h(s) that a run file names is compiled when
the run is read, to a C function of one double, and its address goes into a table. Kernels know the
table by a symbol that each process resolves for itself, so cached kernels stay valid.

An operator's code is made of the digest of its source, so that all processes, and all runs a
process works for, agree on it without asking each other. Cost of a call: 2 ns and the operator's.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from types import FunctionType
from typing import Any

import llvmlite.binding
import numpy as np
from llvmlite import ir
from numba import cfunc, njit, types
from numba.core.errors import NumbaError
from numba.extending import intrinsic as numba_intrinsic

from halocast.errors import ConfigError

FIRST_OWN = 1 << 16
"""The smallest code of an operator that is not built in."""

_LAST = 2**31 - 1
_ROOM = 64
_SYMBOL = "halocast_own_operators"
_table = (ctypes.c_int64 * (2 * _ROOM))()  # code, address; code, address; …
_known: dict[int, tuple[str, Any]] = {}
llvmlite.binding.add_symbol(_SYMBOL, ctypes.addressof(_table))


def own_code(digest: str) -> int:
    """Return the code of an operator whose source has this hexadecimal digest."""
    return FIRST_OWN + int(digest[:15], 16) % (_LAST - FIRST_OWN)


def enlist_operator(function: Callable[[float], float], digest: str, where: str) -> int:
    """Compile an operator h(s), enter it into this process's table, and return its code.

    Parameters
    ----------
    function
        Of one float, returning one; in the part of Python that numba compiles.
    digest
        Hexadecimal digest of its source.
    where
        Key of the run file, for errors.

    Raises
    ------
    ConfigError
        It cannot be compiled, or the table is full.
    """
    code = own_code(digest)
    if code in _known:
        if _known[code][0] != digest:
            raise ConfigError(
                "two operators have the same code by accident",
                where=where,
                remedy="change a comment in one of their files",
            )
        return code
    if len(_known) == _ROOM:
        raise ConfigError(f"more than {_ROOM} operators of one's own in a process", where=where)
    compiled = _compile(function, where)
    place = len(_known)
    _table[2 * place + 1] = compiled.address
    _table[2 * place] = code
    _known[code] = digest, compiled  # what is not kept would be unloaded
    return code


def _compile(function: Callable[[float], float], where: str) -> Any:
    python = getattr(function, "py_func", function)  # a jitted one is compiled anew
    if not isinstance(python, FunctionType):
        raise ConfigError(
            f"the operator is a {type(python).__name__}, and cannot be compiled",
            where=where,
            remedy="name a function of one float that returns a float",
        )
    try:
        return cfunc(types.float64(types.float64), error_model="numpy")(python)
    except (NumbaError, TypeError) as error:
        # numba's first line says in which stage, the second what
        reason = [line for line in str(error).splitlines() if line.strip()][:2]
        raise ConfigError(
            f"the operator cannot be compiled: {reason[-1]}",
            where=where,
            remedy="write a function of one float that returns a float, with arithmetic, branches, "
            "and the functions of math and numpy",
        ) from error


_intrinsic: Any = numba_intrinsic  # its calls have one argument fewer than its definition


@_intrinsic
def _entry(typing_context, i):
    """Read the i-th number of the table."""

    def generate(context, builder, signature, arguments):
        kind = ir.ArrayType(ir.IntType(64), 2 * _ROOM)
        module = builder.module
        found = module.globals.get(_SYMBOL) or ir.GlobalVariable(module, kind, _SYMBOL)
        zero = ir.Constant(ir.IntType(64), 0)
        return builder.load(builder.gep(found, [zero, arguments[0]]))

    return types.int64(types.int64), generate


@_intrinsic
def _call(typing_context, address, s):
    """Call the function of one double at an address."""

    def generate(context, builder, signature, arguments):
        kind = ir.FunctionType(ir.DoubleType(), [ir.DoubleType()])
        function = builder.inttoptr(arguments[0], kind.as_pointer())
        return builder.call(function, [arguments[1]])

    return types.float64(types.int64, types.float64), generate


@njit(cache=True, nogil=True, error_model="numpy")
def apply_own(code, s):  # pragma: no cover - compiled
    """h(s) of the operator with this code; NaN where this process does not know it."""
    for i in range(_ROOM):
        if _entry(2 * i) == code:
            return _call(_entry(2 * i + 1), s)
    return np.nan
