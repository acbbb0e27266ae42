"""An outside package adds a dialect, a pass and a target to snn-opt; broken ones do not stop it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SNN_OPT = Path(sys.executable).parent / "snn-opt"

TOY = '''
"""A dialect, a pass and a target of an outside package."""
from dataclasses import dataclass
from typing import ClassVar

from xdsl.dialects.builtin import StringAttr
from xdsl.ir import Dialect
from xdsl.irdl import IRDLOperation, irdl_op_definition, prop_def
from xdsl.passes import ModulePass
from xdsl.universe import Universe
from xdsl.utils.exceptions import PassFailedException
from xdsl.utils.target import Target

from snnir.errors import UserError


@irdl_op_definition
class NamedOp(IRDLOperation):
    name = "toy.named"
    label = prop_def(StringAttr)
    assembly_format = "$label attr-dict"


@dataclass(frozen=True)
class ToyRenamePass(ModulePass):
    """Gives all toy operations one name."""

    name = "toy-rename"
    to: str = "bob"
    times: int = 1
    scale: float = 1.0
    mode: str = "plain"

    def __post_init__(self):
        if self.times < 1:
            raise UserError(f"times must be at least 1, not {self.times}")

    def apply(self, ctx, module):
        for op in module.walk():
            if not isinstance(op, NamedOp):
                continue
            if self.mode == "fail":
                raise PassFailedException(f"cannot rename {op.label.data}")
            if self.mode == "user":
                raise UserError("no good name", where=op.label.data, hint="take another")
            if self.mode == "bug":
                raise KeyError("lost")
            if self.mode == "invalid":
                op.properties.clear()
                continue
            op.label = StringAttr(self.to)


@dataclass(frozen=True)
class ToyNamesTarget(Target):
    name: ClassVar[str] = "toy-names"
    separator: str = " "

    def emit(self, ctx, module, output):
        names = [op.label.data for op in module.walk() if isinstance(op, NamedOp)]
        if "unprintable" in names:
            output.write("half of it")
            raise UserError("this name cannot be printed", where="unprintable")
        output.write(self.separator.join(names) + "\\n")


UNIVERSE = Universe(
    all_dialects={"toy": lambda: Dialect("toy", [NamedOp], [])},
    all_passes={"toy-rename": lambda: ToyRenamePass},
    all_targets={"toy-names": lambda: ToyNamesTarget},
)
'''

PROGRAM = 'toy.named "ann"\n\ntoy.named "eve"\n'


def install(folder: Path, package: str, source: str, entry: str) -> None:
    """What pip leaves behind for a package with an entry point."""
    (folder / f"{package}.py").write_text(source)
    info = folder / f"{package}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[xdsl.universe]\n{package} = {entry}\n")


def snn_opt(folder: Path, *arguments: str, text: str = PROGRAM) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    return subprocess.run(
        [SNN_OPT, *arguments], input=text, env=environment, capture_output=True, text=True
    )


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("toy")
    install(folder, "toy", TOY, "toy:UNIVERSE")
    return folder


def test_plugin_dialect_pass_and_target(toy: Path):
    result = snn_opt(toy, "-p", "toy-rename{to=tim}", "-t", 'toy-names{separator="+"}')
    assert (result.returncode, result.stdout, result.stderr) == (0, "tim+tim\n", "")


def test_plugin_is_listed(toy: Path):
    assert "toy-rename  Gives all toy operations one name." in snn_opt(toy, "--list-passes").stdout
    options = snn_opt(toy, "--help-pass", "toy-rename").stdout
    assert "to: str = bob" in options and "times: int = 1" in options


@pytest.mark.parametrize(
    ("pipeline", "error"),
    [
        ("toy-renam", "error: unknown pass 'toy-renam'; did you mean 'toy-rename'?"),
        ("toy-rename{tims=1}", "no option 'tims'; did you mean 'times'?"),
        ("toy-rename{times=many}", "option 'times' of pass 'toy-rename' takes int, not 'many'"),
        ("toy-rename{times=true}", "takes int, not 'true'"),
        ("toy-rename{times=1,2}", "takes int, not '1,2'"),
        ("toy-rename{scale=big}", "takes float, not 'big'"),
        ("toy-rename{times=0}", "error: pass 'toy-rename': times must be at least 1, not 0"),
        ("toy-rename{mode=fail}", "<stdin>:1:1: error: pass 'toy-rename': cannot rename ann"),
        (
            "toy-rename{mode=user}",
            "<stdin>:1:1: error: pass 'toy-rename': ann: no good name; take another",
        ),
        (
            "toy-rename{mode=invalid}",
            "<stdin>:1:1: error: invalid after pass 'toy-rename': 'toy.named':",
        ),
        ("toy-rename{mode=bug}", "internal error: KeyError: 'lost' (in pass 'toy-rename')"),
    ],
)
def test_plugin_pass_errors_are_one_line(toy: Path, pipeline: str, error: str):
    result = snn_opt(toy, "-p", pipeline)
    assert result.returncode == 1
    assert error in result.stderr and result.stderr.count("\n") == 1
    assert result.stdout == ""


def test_pass_errors_can_be_expected(toy: Path):
    text = 'toy.named "ann" // expected-error {{cannot rename ann}}\n'
    arguments = ("-p", "toy-rename{mode=fail}", "--verify-diagnostics")
    assert snn_opt(toy, *arguments, text=text).returncode == 0
    assert snn_opt(toy, *arguments, text="\n" + text.replace("//", "//\n//")).returncode == 1


def test_failing_target_leaves_no_file(toy: Path, tmp_path: Path):
    output = tmp_path / "names.txt"
    output.write_text("old")
    text = 'toy.named "unprintable"\n'
    result = snn_opt(toy, "-t", "toy-names", "-o", str(output), text=text)
    assert result.returncode == 1
    assert "unprintable: error: target 'toy-names': this name cannot be printed" in result.stderr
    assert output.read_text() == "old" and list(tmp_path.iterdir()) == [output]


@pytest.mark.parametrize(
    ("source", "entry", "reason"),
    [
        ("import no_such_package\n", "bad:UNIVERSE", "No module named 'no_such_package'"),
        ("def f(:\n", "bad:UNIVERSE", "SyntaxError"),
        ("", "bad:UNIVERSE", "AttributeError"),
        ("UNIVERSE = 3\n", "bad:UNIVERSE", "is not an xdsl.universe.Universe"),
    ],
)
def test_broken_plugin_is_left_out(tmp_path: Path, source: str, entry: str, reason: str):
    install(tmp_path, "bad", source, entry)
    result = snn_opt(tmp_path, text="builtin.module {}")
    assert result.returncode == 0 and "builtin.module" in result.stdout
    assert result.stderr.startswith("warning: plug-in 'bad' of package 'bad'")
    assert reason in result.stderr and result.stderr.count("\n") == 1


def test_duplicate_name_names_both_plugins(tmp_path: Path):
    install(tmp_path, "toy", TOY, "toy:UNIVERSE")
    install(tmp_path, "toy_two", TOY, "toy_two:UNIVERSE")
    result = snn_opt(tmp_path)
    assert result.returncode == 1 and result.stderr.count("\n") == 1
    assert "plug-ins 'toy' and 'toy_two' both define 'toy' among their dialects" in result.stderr
