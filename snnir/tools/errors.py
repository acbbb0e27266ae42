"""What every tool does with errors: one line on stderr and exit status 1, never a traceback."""

import argparse
import difflib
import os
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import NoReturn

from snnir.errors import UserError


def run_tool(main: Callable[[list[str]], int | None], argv: Sequence[str] | None = None) -> int:
    """Run a tool's main and give the exit status; `--debug` among the arguments lets errors out."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        status = main(arguments) or 0
        sys.stdout.flush()
        return status
    except SystemExit:
        raise
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader has gone (`| head`); the interpreter must not complain when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except BaseException as error:
        if "--debug" in arguments:
            raise
        print(as_user_error(error) or _internal(error), file=sys.stderr)
        return 1


def did_you_mean(name: str, choices: Iterable[str]) -> str | None:
    """A hint that names the closest choice, if one is close."""
    close = difflib.get_close_matches(name, list(choices), n=1, cutoff=0.6)
    return f"did you mean '{close[0]}'?" if close else None


class ArgumentParser(argparse.ArgumentParser):
    """argparse whose complaints are UserErrors too, with a guess at what was meant."""

    def error(self, message: str) -> NoReturn:
        hint = f"see {self.prog} --help"
        unknown = re.match(r"unrecognized arguments: (-[^\s=]+)", message)
        if unknown:
            options = [text for action in self._actions for text in action.option_strings]
            hint = did_you_mean(unknown[1], options) or hint
            message = f"unknown option '{unknown[1]}'"
        choice = re.match(r"(.*): invalid choice: '(.*)' \(choose from (.*)\)", message)
        if choice:
            known = choice[3].replace("'", "").split(", ")
            hint = did_you_mean(choice[2], known) or hint
            message = f"{choice[1]} takes {' or '.join(known)}, not '{choice[2]}'"
        raise UserError(message, where=self.prog, hint=hint)


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


def _internal(error: BaseException) -> str:
    trace, place = error.__traceback__, "?"
    while trace is not None:
        place = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
        trace = trace.tb_next
    notes = [note for note in getattr(error, "__notes__", ()) if "\n" not in note]
    what = " ".join([f"{type(error).__name__}: {error}", *notes])
    return str(UserError(f"internal error: {what}", where=place, hint="--debug shows the trace"))
