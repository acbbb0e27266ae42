"""`snn-opt`: reads a module or a network, runs passes on it and prints it for a target."""

import argparse
import sys
import time
from io import StringIO
from typing import TYPE_CHECKING

from snnir.errors import UserError
from snnir.pipeline.faults import as_user_error
from snnir.tools.errors import ArgumentParser, run_tool

if TYPE_CHECKING:
    from xdsl.context import Context
    from xdsl.dialects.builtin import ModuleOp
    from xdsl.passes import ModulePass
    from xdsl.utils.target import Target


def main() -> int:
    return run_tool(run)


def run(argv: list[str]) -> int:
    """Run the tool on its arguments and give its exit status.

    Raises:
        UserError: and what else `run_tool` turns into one line.
    """
    args = argument_parser().parse_args(argv)
    # Imports wait until here so that --help and a mistyped option cost no more than they must.
    if args.list_passes or args.list_targets or args.help_pass:
        from snnir.tools.listing import describe_pass, list_all

        if args.help_pass:
            text = describe_pass(args.help_pass)
        elif args.list_passes:
            text = list_all("pass", "passes")
        else:
            text = list_all("target", "targets")
        sys.stdout.write(text)
        return 0
    return Session(args).run()


def argument_parser() -> ArgumentParser:
    parser = ArgumentParser(prog="snn-opt", description=__doc__, allow_abbrev=False)
    add = parser.add_argument
    add("input", nargs="?", help=".mlir or .onnx file; stdin (.mlir text) if left out or -")
    add("-o", "--output-file", metavar="FILE", help="write here instead of stdout")
    add(
        "-p", "--passes", "--pass-pipeline", metavar="PIPELINE", default="", dest="pipeline",
        help="passes to run, e.g. 'fold-batchnorm,quantise{weight-bits=4}', with or without "
        "builtin.module(...) around them",
    )  # fmt: skip
    add("-t", "--target", default="mlir", help="what to print: mlir (default), verilog, c, ...")
    add("--elide", action="store_true", help="leave large constants out of printed IR")
    add("--split-input-file", action="store_true", help="treat parts between '// -----' alone")
    add(
        "--verify-diagnostics", action="store_true",
        help="check that the errors are those that '// expected-error {{...}}' comments name",
    )  # fmt: skip
    add("--print-between-passes", action="store_true", help="print the IR after each pass (stderr)")
    add("--time-passes", action="store_true", help="print the time of each pass (stderr)")
    add("--print-op-generic", action="store_true", help="print operations in generic form")
    add("--print-debuginfo", action="store_true", help="print locations")
    add("--allow-unregistered-dialect", action="store_true", help="accept unknown operations")
    add("--disable-verify", action="store_true", help="do not check modules")
    add("--list-passes", action="store_true", help="list all passes and leave")
    add("--list-targets", action="store_true", help="list all targets and leave")
    add(
        "--help-pass", "--show-options", metavar="PASS",
        help="print a pass's documentation and options and leave",
    )  # fmt: skip
    add("--debug", action="store_true", help="show Python tracebacks of errors")
    add("--version", action="version", version="%(prog)s " + _version())
    return parser


def _version() -> str:
    from snnir import __version__

    return __version__


class Session:
    """One run of the tool: the arguments and what they build before any input is read."""

    def __init__(self, args: argparse.Namespace):
        from snnir.pipeline.plugins import multiverse
        from snnir.pipeline.spec import build, build_passes, parse_spec
        from snnir.tools.source import is_text

        self.args = args
        self.passes: list[ModulePass] = build_passes(args.pipeline, multiverse().all_passes)
        self.target: Target = build(parse_spec(args.target), multiverse().all_targets, "target")
        self.times: list[tuple[str, float]] = []
        if not is_text(args.input) and (args.split_input_file or args.verify_diagnostics):
            raise UserError(
                "--split-input-file and --verify-diagnostics are for .mlir files", where=args.input
            )

    def run(self) -> int:
        from snnir.tools.files import write_text

        if self.args.verify_diagnostics:
            output, wrong = self.check_diagnostics()
            for problem in wrong:
                print(problem, file=sys.stderr)
        else:
            output, wrong = self.convert(), []
        if not wrong:
            write_text(self.args.output_file, output)
        if self.args.time_passes:
            for name, seconds in self.times:
                print(f"{seconds:10.4f} s  {name}", file=sys.stderr)
        return 1 if wrong else 0

    def convert(self) -> str:
        """The output for the whole input; the first error ends it."""
        from snnir.tools.source import is_text, parse_module, read_module, source_name

        if not is_text(self.args.input):
            return self.process(lambda ctx: read_module(ctx, self.args.input))
        name = source_name(self.args.input)
        return self.join(
            self.process(lambda ctx, chunk=chunk: parse_module(ctx, chunk, name))
            for chunk in self.chunks()
        )

    def check_diagnostics(self) -> tuple[str, list[UserError]]:
        """The output of the chunks without errors, and what differs from the expectations."""
        from snnir.tools.diagnostics import expected_errors, mismatches
        from snnir.tools.source import parse_module, source_name

        name = source_name(self.args.input)
        outputs: list[str] = []
        wrong: list[UserError] = []
        for chunk in self.chunks():
            errors: list[UserError] = []
            try:
                outputs.append(
                    self.process(lambda ctx, chunk=chunk: parse_module(ctx, chunk, name))
                )
            except Exception as error:
                problem = as_user_error(error)
                if problem is None:
                    raise
                errors.append(problem)
            wrong += mismatches(expected_errors(chunk), errors, name)
        return self.join(outputs), wrong

    def chunks(self) -> list[str]:
        from snnir.tools.files import read_text
        from snnir.tools.source import split_source

        text = read_text(self.args.input)
        return split_source(text) if self.args.split_input_file else [text]

    def join(self, outputs) -> str:
        return "// -----\n".join(outputs)

    def process(self, read) -> str:
        """Read one module, run the passes and print it for the target.

        Each module gets a context of its own, so that nothing is shared between chunks.
        """
        from snnir.pipeline.plugins import make_context
        from snnir.pipeline.run import apply_passes, check_module

        ctx = make_context(self.args.allow_unregistered_dialect)
        verify = not self.args.disable_verify
        module = self.timed("read", lambda: read(ctx))
        if verify:
            self.timed("verify", lambda: check_module(module))
        apply_passes(module, self.passes, ctx, after_pass=self.after_pass, verify=verify)
        return self.timed("print", lambda: self.render(ctx, module))

    def after_pass(self, name: str, module: "ModuleOp", seconds: float) -> None:
        self.times.append((name, seconds))
        if self.args.print_between_passes:
            from snnir.tools.ir_printing import print_ir

            print(f"// ---- IR after {name}", file=sys.stderr)
            print_ir(module, sys.stderr, elide=True)

    def timed(self, name, action):
        start = time.perf_counter()
        result = action()
        self.times.append((f"({name})", time.perf_counter() - start))
        return result

    def render(self, ctx: "Context", module: "ModuleOp") -> str:
        from xdsl.targets.mlir import MLIRTarget

        from snnir.pipeline.run import with_context
        from snnir.tools.ir_printing import print_ir

        output = StringIO()
        if isinstance(self.target, MLIRTarget):
            print_ir(
                module,
                output,
                elide=self.args.elide,
                ctx=ctx,
                print_generic_format=self.target.print_generic_format or self.args.print_op_generic,
                print_debuginfo=self.target.print_debuginfo or self.args.print_debuginfo,
                print_properties_as_attributes=self.target.print_properties_as_attributes,
            )
        else:
            try:
                self.target.emit(ctx, module, output)
            except Exception as error:
                raise with_context(error, f"target '{self.target.name}'") from error
        return output.getvalue()


if __name__ == "__main__":
    sys.exit(main())
