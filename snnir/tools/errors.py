"""What every tool does with errors: one line on stderr and exit status 1, never a traceback."""

import argparse
import os
import re
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from snnir.errors import UserError, did_you_mean
from snnir.pipeline.faults import as_user_error


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


def _internal(error: BaseException) -> str:
    trace, place = error.__traceback__, "?"
    while trace is not None:
        place = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
        trace = trace.tb_next
    notes = [note for note in getattr(error, "__notes__", ()) if "\n" not in note]
    what = " ".join([f"{type(error).__name__}: {error}", *notes])
    return str(UserError(f"internal error: {what}", where=place, hint="--debug shows the trace"))
