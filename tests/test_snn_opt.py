"""snn-opt's command line and its parts: errors, pipelines, files, printing, start-up."""

import os
import subprocess
import sys
from collections import Counter
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from xdsl.dialects.builtin import (
    BytesAttr,
    DenseIntOrFPElementsAttr,
    ModuleOp,
    TensorType,
    f32,
    i8,
    i64,
)
from xdsl.dialects.test import TestOp as AnyOp
from xdsl.printer import Printer

from snnir.errors import UserError
from snnir.pipeline.plugins import make_context
from snnir.pipeline.run import run_pipeline
from snnir.pipeline.spec import parse_pipeline
from snnir.tools.diagnostics import expected_errors
from snnir.tools.errors import run_tool
from snnir.tools.ir_printing import print_ir
from snnir.tools.snn_opt import run
from snnir.tools.source import parse_module

SNN_OPT = Path(sys.executable).parent / "snn-opt"
VALID = "func.func @f() {\n  func.return\n}\n"


@pytest.mark.parametrize(
    ("content", "arguments", "error"),
    [
        # Arguments.
        (VALID, ["--pass-pipelin", "cse"], "unknown option '--pass-pipelin'; did you mean"),
        (VALID, ["-p"], "expected one argument"),
        (VALID, ["-p", "csee"], "unknown pass 'csee'; did you mean 'cse'?"),
        (VALID, ["-p", "zzzzz"], "unknown pass 'zzzzz'; snn-opt --list-passes shows them all"),
        (VALID, ["-p", "cse{deep}"], "pass 'cse' has no option 'deep'; it has no options"),
        (VALID, ["-p", "cse{"], "expected an option or '}' at the end"),
        (VALID, ["-p", "cse}"], "expected ',' between passes at '}'"),
        (VALID, ["-p", "cse,,dce"], "expected a name at ',dce'"),
        (VALID, ["-p", "cse{a=}"], "expected a value at '}'"),
        (VALID, ["-p", "cse{a=1 a=2}"], "option 'a' is given twice"),
        (VALID, ["-p", "func.func(cse)"], "nested pipeline 'func.func(...)' is not supported"),
        (VALID, ["-p", "apply-individual-rewrite"], "needs option 'matched-operation-index' (int)"),
        (VALID, ["-p", "scf-parallel-loop-tiling{parallel-loop-tile-sizes=a}"], "takes int,..."),
        (VALID, ["-t", "verilig"], "unknown target 'verilig'; did you mean 'verilog'?"),
        (VALID, ["-t", "mlir{colour}"], "target 'mlir' has no option 'colour'"),
        (VALID, ["-t", "mlir,c"], "expected nothing more at ',c'"),
        (VALID, ["--help-pass", "cze"], "unknown pass 'cze'; did you mean"),
        # Input text.
        ("func.func @f() {", [], "in.mlir:1:17: error: "),
        ("func.func @f() {\n  arith.adi\n}", [], "in.mlir:2:3: error: unknown operation"),
        ('\n"nobody.knows"() : () -> ()', [], "in.mlir:2:1: error: unknown operation"),
        ("\x00\x01\x02", [], "in.mlir:1:1: error: "),
        ("%a = arith.constant 300 : i8", [], "in.mlir:1:"),
        ("func.func @f() -> i8 {\n  func.return\n}", [], "in.mlir:2:3: error: 'func.return':"),
        ('"test.op"(%a) : (i8) -> ()\n%a = "test.op"() : () -> i8', [], "used before it is"),
        (b"\xff\xfe\x00", [], "in.mlir: error: not a text file (byte 0 is not UTF-8)"),
        # Output.
        (VALID, ["-o", "{folder}"], "error: Is a directory"),
        (VALID, ["-o", "{folder}/missing/out.mlir"], "cannot write: No such file or directory"),
        (VALID, ["-o", "/proc/snn-opt-cannot-write"], "error: cannot write: "),
    ],
)
def test_mistakes_end_in_one_line(content, arguments, error, tmp_path, capsys):
    source = tmp_path / "in.mlir"
    source.write_bytes(content if isinstance(content, bytes) else content.encode())
    arguments = [argument.replace("{folder}", str(tmp_path)) for argument in arguments]
    assert run_tool(run, [str(source), *arguments]) == 1
    captured = capsys.readouterr()
    assert error in captured.err and captured.err.count("\n") == 1
    assert captured.out == "" and list(tmp_path.iterdir()) == [source]


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("no.mlir", "no.mlir: error: No such file or directory"),
        ("no.onnx", "no.onnx: error: No such file or directory"),
        (".", "error: Is a directory"),
    ],
)
def test_unreadable_input(path, error, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run_tool(run, [path]) == 1
    captured = capsys.readouterr()
    assert error in captured.err and captured.err.count("\n") == 1


def test_debug_lets_the_error_out(tmp_path):
    with pytest.raises(OSError):
        run_tool(run, ["--debug", str(tmp_path / "no.mlir")])


def test_output_file_replaces_the_old_one(tmp_path):
    source, output = tmp_path / "in.mlir", tmp_path / "out.mlir"
    source.write_text(VALID)
    output.write_text("old")
    assert run_tool(run, [str(source), "-o", str(output)]) == 0
    assert "func.func @f" in output.read_text()
    assert sorted(tmp_path.iterdir()) == [source, output]


def test_device_is_written_to_and_not_replaced(tmp_path):
    source = tmp_path / "in.mlir"
    source.write_text(VALID)
    assert run_tool(run, [str(source), "-o", os.devnull]) == 0
    assert not os.path.isfile(os.devnull)


@pytest.mark.parametrize(
    ("text", "specs"),
    [
        ("", []),
        ("a", [("a", {})]),
        ("builtin.module(a,b)", [("a", {}), ("b", {})]),
        (" builtin.module ( a , b{ } ) ", [("a", {}), ("b", {})]),
        ("a{x=1 y=2.5 z}", [("a", {"x": (1,), "y": (2.5,), "z": ()})]),
        ("a{x=1,2, 3\n y=1e-3}", [("a", {"x": (1, 2, 3), "y": (0.001,)})]),
        ("a{f=dir/x-1.npz t=true}", [("a", {"f": ("dir/x-1.npz",), "t": (True,)})]),
        (r'a{s="b c,{}=\"" n="4"}', [("a", {"s": ('b c,{}="',), "n": ("4",)})]),
    ],
)
def test_pipelines_are_read(text, specs):
    assert [(spec.name, spec.parameters) for spec in parse_pipeline(text)] == specs


def test_run_pipeline_reports_each_pass():
    module = parse_module(make_context(), VALID, "f.mlir")
    seen: list[str] = []
    run_pipeline(module, "canonicalize,cse", after_pass=lambda name, *_: seen.append(name))
    assert seen == ["canonicalize", "cse"]


def test_run_pipeline_makes_all_passes_before_the_first_runs():
    seen: list[str] = []
    with pytest.raises(UserError, match="unknown pass"):
        run_pipeline(ModuleOp([]), "cse,nonsense", after_pass=lambda name, *_: seen.append(name))
    assert not seen


@pytest.mark.parametrize(
    ("comment", "line"),
    [
        ("a\nb // expected-error {{x}}", 2),
        ("// expected-error @+1 {{x}}\nb", 2),
        ("// expected-error@+1 {{x}}\nb", 2),
        ("a\n// expected-error @-1 {{x}}", 1),
        ("a\n// expected-error @above {{x}}", 1),
        ("// expected-error @below {{x}}\na", 2),
        ("// expected-error @unknown {{x}}", None),
    ],
)
def test_expected_error_lines(comment, line):
    (expected,) = expected_errors(comment)
    assert (expected.line, expected.text) == (line, "x")


def test_stacked_expected_errors_share_a_line():
    source = "// expected-error @below {{x}}\n// expected-error @below {{y}}\na"
    assert [(e.line, e.text) for e in expected_errors(source)] == [(3, "x"), (3, "y")]


@pytest.mark.parametrize("count", [1, 32, 33, 100, 101, 300])
@pytest.mark.parametrize(("dtype", "element"), [("i1", i8), ("f4", f32), ("i8", i64)])
@pytest.mark.parametrize("same", [False, True])
def test_constants_print_as_xdsl_prints_them(count, dtype, element, same):
    values = np.full(count, 3, dtype) if same else np.arange(count).astype(dtype)
    data = DenseIntOrFPElementsAttr(TensorType(element, [count]), BytesAttr(values.tobytes()))
    module = ModuleOp([AnyOp(attributes={"data": data})])
    ours, theirs, elided = StringIO(), StringIO(), StringIO()
    print_ir(module, ours)
    Printer(stream=theirs).print_op(module)
    print_ir(module, elided, elide=True)
    assert ours.getvalue() == theirs.getvalue() + "\n"
    assert ("__elided__" in elided.getvalue()) == (count > 32)


@pytest.mark.parametrize("same", [False, True])
def test_no_python_for_each_element_of_a_large_constant(same):
    """As many functions are called to print and parse a million times more elements."""
    values = np.random.default_rng(0).integers(-128, 128, 4_000_000).astype(np.int8)
    values = np.full_like(values, 3) if same else values
    data = DenseIntOrFPElementsAttr(TensorType(i8, [len(values)]), BytesAttr(values.tobytes()))
    output, calls = StringIO(), Counter()
    sys.setprofile(lambda frame, event, argument: calls.update((event,)))
    try:
        print_ir(ModuleOp([AnyOp(attributes={"data": data})]), output)
        again = parse_module(make_context(), output.getvalue(), "big.mlir")
    finally:
        sys.setprofile(None)
    assert 0 < sum(calls.values()) < 100_000
    assert again.body.block.first_op.attributes["data"] == data


@pytest.mark.parametrize("words", [("-", "-p", "cse"), ("--help",)])
def test_start_up_is_lazy(words):
    command = [sys.executable, "-X", "importtime", "-m", "snnir.tools.snn_opt", *words]
    result = subprocess.run(command, input=VALID, capture_output=True, text=True, check=True)
    imported = {line.rpartition("|")[2].strip() for line in result.stderr.splitlines()}
    assert not imported & {"numpy", "onnx", "lark", "snnir.dialects.snn", "snnir.frontend.onnx"}


def test_closed_pipe_is_no_error():
    command = f"{SNN_OPT} --list-passes | head -n 1"
    result = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert result.stderr == ""
