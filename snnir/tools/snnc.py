"""`snnc`: from a trained network to C and Verilog whose spikes are equal, one command a step."""

import sys
from importlib import import_module

from snnir.errors import UserError, did_you_mean
from snnir.tools.errors import ArgumentParser, run_tool

COMMANDS = {
    "check": "say for each node of a model whether and how it is supported",
    "compile": "compile a model into a build folder: IR, C, Verilog, weights, manifest",
    "run": "run a build folder on data: outputs, accuracy, speed",
    "verify": "compare every spike of every layer between engines",
    "report": "show sizes, spikes, cycles and memory of each layer, and the fit on the target",
    "explore": "search arrays, codings and widths; show which designs nothing else beats",
    "diagnose": "say which layers take the accuracy, and what would mend it",
    "events": "turn recordings of address events into samples of spikes",
    "prove": "prove that the printed datapaths do what the neurons say, for all inputs",
    "synth": "synthesise with Yosys and show what the design uses of the target",
}
"""Command -> what it does; each is a module of `snnir.tools.commands`, imported when asked for."""


def main() -> int:
    return run_tool(run)


def run(argv: list[str]) -> int:
    """Run one command and give the exit status.

    Raises:
        UserError: and what else `run_tool` turns into one line.
    """
    if not argv or argv[0].startswith("-"):
        return _without_command(argv)
    name, rest = argv[0], argv[1:]
    if name not in COMMANDS:
        hint = did_you_mean(name, COMMANDS) or f"commands are {', '.join(COMMANDS)}"
        raise UserError(f"unknown command '{name}'", where="snnc", hint=hint)
    module = import_module(f"snnir.tools.commands.{name}")
    parser = ArgumentParser(prog=f"snnc {name}", description=module.__doc__, allow_abbrev=False)
    module.add_arguments(parser)
    parser.add_argument("--debug", action="store_true", help="show Python tracebacks of errors")
    return module.run(parser.parse_args(rest))


def _without_command(argv: list[str]) -> int:
    width = max(map(len, COMMANDS))
    commands = "\n".join(f"  {name:{width}}  {text}" for name, text in COMMANDS.items())
    parser = ArgumentParser(
        prog="snnc",
        usage="snnc COMMAND ...",
        description=__doc__,
        epilog=f"commands:\n{commands}\n\n'snnc COMMAND --help' shows the options of one.",
        formatter_class=_raw(),
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {_version()}")
    if not argv:
        parser.print_help()
        return 0
    parser.parse_args(argv)
    raise UserError("a command is missing", where="snnc", hint=f"one of {', '.join(COMMANDS)}")


def _raw():
    from argparse import RawDescriptionHelpFormatter

    return RawDescriptionHelpFormatter


def _version() -> str:
    from snnir import __version__

    return __version__


if __name__ == "__main__":
    sys.exit(main())
