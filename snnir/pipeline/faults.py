"""What xDSL and the system complain of, as the errors that users read."""

from __future__ import annotations

import sys
from types import TracebackType

from snnir.errors import UserError


def as_user_error(error: BaseException) -> UserError | None:
    """The same complaint as a UserError; None for what only a bug in the program can raise."""
    if isinstance(error, UserError):
        return error
    if isinstance(error, ImportError):
        own = (error.name or "").startswith("snnir")
        hint = None if own else "install the Python package that holds it"
        return UserError(f"cannot import {error.name or 'a module'}: {error.msg}", hint=hint)
    if isinstance(error, OSError):
        return UserError(error.strerror or str(error), where=error.filename)
    return _from_xdsl(error) if "xdsl.ir" in sys.modules else None


def _from_xdsl(error: BaseException) -> UserError | None:
    from xdsl.utils.exceptions import ArgSpecParseError, DiagnosticException, ParseError

    from snnir.dialects.location import place

    if isinstance(error, ParseError):
        return UserError(error.msg, where=str(error.span.get_location()))
    if isinstance(error, ArgSpecParseError | DiagnosticException):
        op = operation_at_fault(error)
        return UserError(str(error), where=place(op) if op else None)
    return None


def operation_at_fault(error: BaseException):
    """The operation that was being verified or rewritten when the error was raised.

    xDSL's exceptions do not carry it, but the frames that raised them do: the innermost local
    named `self` or `op` that is an operation. The module itself says nothing and is left out.
    """
    from xdsl.dialects.builtin import ModuleOp
    from xdsl.ir import Operation

    found = None
    trace: TracebackType | None = error.__traceback__
    while trace is not None:
        for name in ("self", "op"):
            value = trace.tb_frame.f_locals.get(name)
            if isinstance(value, Operation) and not isinstance(value, ModuleOp):
                found = value
        trace = trace.tb_next
    return found
