"""Scheduled programs for the tests of the C back end, and builders of its programs."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.parser import Parser

from snnir.dialects.neurons import radix_neuron, readout_neuron
from snnir.pipeline.plugins import make_context, multiverse
from snnir.pipeline.spec import build_passes

WARNINGS = ("-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-pedantic", "-Werror")
SANITIZERS = ("-g", "-O0", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")

needs_gcc = pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed")


def example_program(conv: np.ndarray, dense: np.ndarray, theta=(40, 70), bias=(11, -30)) -> str:
    """A 4x4 image of two words, a 3x3 convolution in the `rotated` layout, a dense readout.

    Args:
        conv: (2, 3, 3) weights; dense: (2, 2 channels, 2, 2) weights.
    """
    # Rows by position: the tap at (ky, kx) in every bank.
    rows = np.broadcast_to(conv.transpose(1, 2, 0).reshape(1, 9, 2), (2, 9, 2))
    # Position n = x * 2 + channel lies in bank n % 2, at n / 2; a row holds both outputs.
    held = dense.transpose(1, 2, 3, 0).reshape(2, 4, 2)
    conv_runs = "dense<[[0, 0, 0, 3, 0], [0, 1, 0, 3, 3], [0, 2, 0, 3, 6]]> : tensor<3x5xi32>"
    dense_runs = "dense<[[0, 0, 0, 2, 0], [0, 1, 0, 2, 2]]> : tensor<2x5xi32>"
    conv_text = f"dense<{rows.tolist()}> : tensor<2x9x2xi8>"
    dense_text = f"dense<{held.tolist()}> : tensor<2x4x2xi8>"
    image = "!pe.map<1x4x4, direct, 4, block 1, pitch 1>"
    hidden = "!pe.map<2x2x2, radix, 4, block 2, pitch 2>"
    stream = f"bounds [4, 4] advance 1 by_bank runs {conv_runs} weights {conv_text} : {image}"
    params = (
        f"theta = dense<{list(theta)}> : tensor<2xi32>, bias = dense<{list(bias)}> : tensor<2xi32>"
    )
    return f"""
pe.program @net array #pe.array<banks = 2, channels = 2, planes = 4, weight_bits = 4,
    acc_bits = 12, membrane_bits = 18, fifo = 4, drain = 1> {{
  %hi, %lo = pe.receive bits 8
    places [#pe.place<events=0,capacity=2,pointers=0>, #pe.place<events=8,capacity=2,pointers=16>]
    : {image}, {image}
  %1 = pe.layer "conv1" with @radix steps 4 pixels [2, 2]
      place #pe.place<events=16,capacity=2,pointers=32> {{
    pe.tile channels [0, 2] weights_at 0 params_at 0 params {{{params}}} {{
      pe.stream %hi shift 4 {stream}
      pe.stream %lo {stream}
    }}
  }} : {hidden}
  %2 = pe.layer "out" with @readout_radix steps 4 pixels [1, 1] {{
    pe.tile channels [0, 2] weights_at 9 params_at 2
        params {{bias = dense<[5, -6]> : tensor<2xi32>}} {{
      pe.stream %1 bounds [2, 2] advance 0 runs {dense_runs} weights {dense_text} : {hidden}
    }}
  }} : !pe.potentials<2x1x1>
  pe.send %2 : !pe.potentials<2x1x1>
}}
"""


def parse(text: str, *neurons) -> ModuleOp:
    """A module of the text and of some neurons."""
    module = Parser(make_context(), text).parse_module()
    for neuron in neurons:
        module.body.block.insert_op_before(neuron, module.body.block.first_op)
    module.verify()
    return module


def example_module(conv: np.ndarray, dense: np.ndarray, **params) -> ModuleOp:
    """`example_program` with its neurons."""
    neurons = radix_neuron("radix"), readout_neuron("readout_radix", radix=True)
    return parse(example_program(conv, dense, **params), *neurons)


def schedule(module: ModuleOp, pipeline: str) -> ModuleOp:
    """The module behind some passes."""
    context: Context = make_context()
    for step in build_passes(pipeline, multiverse().all_passes):
        step.apply(context, module)
    return module


def write_sources(sources: dict[str, str], folder: Path) -> Path:
    """The files of a C program in a new folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in sources.items():
        (folder / name).write_text(text)
    return folder


def build(folder: Path, *options: str, sources=("main.c", "model.c", "weights.c")) -> Path:
    """Compile C files in a folder; the program."""
    command = ["gcc", *WARNINGS, *options, "-o", "run", *sources]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return folder / "run"


def run(program: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a program on two threads."""
    return subprocess.run(
        [program, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"OMP_NUM_THREADS": "2"},
    )
