"""Reads modules from .mlir text, with the place of each operation, .onnx and .neuron files."""

import os
import re

from xdsl.context import Context
from xdsl.dialects.builtin import UNKNOWN_LOC, FileLineColLoc, IntAttr, ModuleOp, StringAttr
from xdsl.ir import Operation
from xdsl.parser import Parser
from xdsl.utils.exceptions import ParseError, VerifyException

from snnir.errors import UserError, did_you_mean
from snnir.tools.files import STDIN_NAME, read_text

_SPLIT = re.compile(r"^[ \t]*// -----[ \t]*$", re.MULTILINE)
_ONLY_COMMENTS = re.compile(r"(\s|//[^\n]*)*")


class LocatingParser(Parser):
    """xDSL's parser, which also writes down where each operation starts."""

    def __init__(self, ctx: Context, text: str, name: str):
        super().__init__(ctx, text, name)
        self._file = StringAttr(name)
        self._line, self._counted_to = 1, 0
        self._op_start = 0

    def parse_operation(self) -> Operation:
        start = self._current_token.span.start
        location = self._locate(start)
        self._op_start = start
        try:
            op = super().parse_operation()
        except (VerifyException, ValueError, UserError) as error:
            # A verifier of types and attributes runs while they are parsed and knows no place.
            self.raise_error(str(error), start, start + 1)
        if op.location == UNKNOWN_LOC:
            op.location = location
        return op

    def _get_op_by_name(self, name: str) -> type[Operation]:
        try:
            return super()._get_op_by_name(name)
        except ParseError:
            hint = did_you_mean(name, [op.name for op in self.ctx.loaded_ops])
            message = f"unknown operation '{name}'" + (f"; {hint}" if hint else "")
        self.raise_error(message, self._op_start, self._op_start + 1)

    def _locate(self, position: int) -> FileLineColLoc:
        # Lines are counted on from the last operation: counting from the top each time is
        # quadratic, and a file holds megabytes of constants.
        text = self.lexer.input.content
        low, high = sorted((position, self._counted_to))
        lines = text.count("\n", low, high)
        self._line += lines if position >= self._counted_to else -lines
        self._counted_to = position
        column = position - text.rfind("\n", 0, position)
        return FileLineColLoc(self._file, IntAttr(self._line), IntAttr(column))


def parse_module(ctx: Context, text: str, name: str) -> ModuleOp:
    """Parse .mlir text; text without any operation is an empty module."""
    if _ONLY_COMMENTS.fullmatch(text):
        module = ModuleOp([])
    else:
        module = LocatingParser(ctx, text, name).parse_module()
    if module.location == UNKNOWN_LOC:
        module.location = FileLineColLoc(StringAttr(name), IntAttr(1), IntAttr(1))
    return module


def read_module(ctx: Context, path: str | None) -> ModuleOp:
    """Read a module from an .onnx, .neuron or .mlir file; None and `-` are text from stdin."""
    if is_neuron(path):
        from snnir.neurons.library import read_neuron

        return ModuleOp([read_neuron(read_text(path), path).op])
    if is_onnx(path):
        with open(path, "rb"):
            # A missing file must say so before a second goes into importing onnx.
            pass
        from snnir.frontend.onnx import import_model

        return import_model(path)
    return parse_module(ctx, read_text(path), source_name(path))


def is_onnx(path: str | None) -> bool:
    return path is not None and os.path.splitext(path)[1].lower() == ".onnx"


def is_neuron(path: str | None) -> bool:
    return path is not None and os.path.splitext(path)[1].lower() == ".neuron"


def is_text(path: str | None) -> bool:
    """Whether the input is .mlir text, which may be split and may name the errors it expects."""
    return not is_onnx(path) and not is_neuron(path)


def source_name(path: str | None) -> str:
    return STDIN_NAME if path is None or path == "-" else path


def split_source(text: str) -> list[str]:
    """The parts between `// -----` lines, each padded so that its line numbers stay true."""
    chunks, start = [], 0
    for match in [*_SPLIT.finditer(text), None]:
        end = match.start() if match else len(text)
        chunks.append("\n" * text.count("\n", 0, start) + text[start:end])
        start = match.end() if match else end
    return chunks
