"""Holds together what belongs to a pass: its name, class, file, documentation and lit test."""

import dataclasses
import re
from pathlib import Path

import pytest
from xdsl.passes import ModulePass

from snnir.pipeline.spec import option_types
from snnir.tools.listing import docstring
from snnir.universe import UNIVERSE, pass_class_name, pass_files

LIT_TESTS = Path(__file__).parent.parent / "lit_tests" / "passes"
PASSES = pass_files()

each_pass = pytest.mark.parametrize("name", sorted(PASSES))


def test_class_names_follow_file_names():
    assert pass_class_name("fold_batchnorm") == "FoldBatchnormPass"
    assert pass_class_name("convert_onnx_to_snn") == "ConvertOnnxToSnnPass"


def test_every_file_is_a_pass():
    assert set(UNIVERSE.all_passes) == set(PASSES)


@each_pass
def test_pass_has_one_stem(name: str):
    cls = UNIVERSE.all_passes[name]()
    assert issubclass(cls, ModulePass)
    assert cls.name == name
    assert cls.__name__ == pass_class_name(PASSES[name].stem)
    assert cls.__module__ == f"snnir.passes.{PASSES[name].stem}"


@each_pass
def test_pass_is_a_frozen_dataclass_with_defaults(name: str):
    cls = UNIVERSE.all_passes[name]()
    assert dataclasses.is_dataclass(cls) and cls.__dataclass_params__.frozen
    assert not cls.required_fields(), "each option needs a default that serves"


@each_pass
def test_pass_is_documented(name: str):
    text = docstring(UNIVERSE.all_passes[name]())
    first, _, rest = text.partition("\n")
    assert len(first) >= 20 and len(rest.split()) >= 20, "say what, why, how and on what terms"
    for option in option_types(UNIVERSE.all_passes[name]()):
        written = rf"\b({option}|{option.replace('_', '-')})\b"
        assert re.search(written, text), f"option {option} is not in the docstring"


@each_pass
def test_pass_file_says_what_it_is_for(name: str):
    assert PASSES[name].read_text().startswith('"""')


@each_pass
def test_pass_has_a_lit_file(name: str):
    stem = PASSES[name].stem
    file = LIT_TESTS / f"{stem}.mlir"
    assert file.exists(), f"write lit_tests/passes/{stem}.mlir"
    runs = [line for line in file.read_text().splitlines() if "RUN:" in line]
    assert any(name in line for line in runs), f"no RUN line of {file.name} runs {name}"


def test_every_lit_file_has_a_pass():
    stems = {path.stem for path in PASSES.values()}
    for file in LIT_TESTS.glob("*.mlir"):
        assert file.stem.removesuffix("_invalid") in stems, f"{file.name} tests no pass"


@pytest.mark.parametrize(
    ("kind", "name"),
    [(kind, name) for kind in ("dialects", "targets") for name in getattr(UNIVERSE, f"all_{kind}")],
)
def test_registered_name_is_the_name_of_the_class(kind: str, name: str):
    assert getattr(UNIVERSE, f"all_{kind}")[name]().name == name
