"""Single neurons on random currents: interpreter, printed C and simulated Verilog side by side."""

from __future__ import annotations

import ctypes
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from xdsl.ir import SSAValue

from snnir.analysis.intervals import signed_bits
from snnir.analysis.neuron_parameters import FUNCTIONS
from snnir.analysis.ranges import neuron_ranges
from snnir.backends.c.gather import BY_PLANE
from snnir.backends.c.neurons import Datapath, DatapathPrinter
from snnir.backends.verilog import verilog_files
from snnir.dialects.pe_types import ArrayParameters
from snnir.dialects.snn import NeuronOp
from snnir.hardware.language.builder import Module, design
from snnir.hardware.language.names import legal_name
from snnir.hardware.neuron import pipeline_module
from snnir.hardware.timing import neuron_stages
from snnir.interpreters.neuron import run_neuron
from snnir.runtime import verilator
from snnir.runtime.library import compiler
from snnir.runtime.programs import run_logged
from snnir.schedule.program import Mode

CHANNELS = 64
"""Different parameters of one neuron."""

CURRENTS = (-150, 250)


@dataclass(frozen=True)
class Lives:
    """Many lives of one neuron.

    Args:
        planes: the current of each step, one for each life.
        params: one integer for each life.
        bits: that hold all its values.
    """

    neuron: NeuronOp
    mode: Mode
    planes: list[np.ndarray]
    params: dict[str, np.ndarray]
    bits: int

    @property
    def name(self) -> str:
        return self.neuron.sym_name.data

    @property
    def steps(self) -> int:
        """Steps of all lives together."""
        return self.mode.planes * len(self.planes[0])


Trains = tuple[np.ndarray, np.ndarray]
"""Of each life the train as a word (0 of a readout), and the membrane at the end."""


def draw(neuron: NeuronOp, coding: str, steps: int, lives: int, seed: int) -> Lives:
    """Random currents and parameters, these as the neuron's file makes them or near that."""
    rng = np.random.default_rng(seed)
    given = {
        "theta": rng.integers(1, 300, CHANNELS),
        "bias": rng.integers(-40, 60, CHANNELS),
        "channel": np.arange(CHANNELS),
        "channels": np.full(CHANNELS, CHANNELS),
        "steps": np.full(CHANNELS, steps),
    }
    channels = {name: given[name] for name in neuron.param_names if name in given}
    channels |= _setup(neuron, given, rng)
    mode = Mode(neuron.sym_name.data, coding, steps, steps, 0, coding == "rate")
    ends = tuple(np.full(CHANNELS, end) for end in CURRENTS)
    bits = neuron_ranges(neuron, channels, ends, **_how(mode)).bits
    chosen = rng.integers(0, CHANNELS, lives)
    planes = [rng.integers(CURRENTS[0], CURRENTS[1] + 1, lives) for _ in range(steps)]
    params = {name: channels[name][chosen] for name in neuron.param_names}
    return Lives(neuron, mode, planes, params, bits)


def _how(mode: Mode) -> dict:
    return {
        "coding": mode.coding,
        "steps_in": mode.planes,
        "steps_out": mode.steps,
        "fraction": mode.fraction,
        "rate": mode.rate,
    }


def _setup(neuron: NeuronOp, given: dict[str, np.ndarray], rng: np.random.Generator):
    """What the region `setup` yields; a parameter that is a plain number varies around it."""
    if neuron.setup is None:
        return {}
    block = neuron.setup.block
    inputs = [given[n].astype(float) for n in ("theta", "bias", "channel", "channels", "steps")]
    known: dict[SSAValue, np.ndarray] = dict(zip(block.args, inputs, strict=True))
    for op in block.ops:
        if op is block.last_op:
            break
        operands = [known[operand] for operand in op.operands]
        known[op.results[0]] = (
            FUNCTIONS[type(op)](*operands)
            if operands
            else np.full(CHANNELS, float(op.value.value.data))
        )
    found = {}
    for name, value in zip(neuron.param_names, block.last_op.operands, strict=True):
        if name in given:
            continue
        values = np.rint(known[value]).astype(np.int64)
        if (values == values[0]).all():
            varied = values + rng.integers(-1, 3, CHANNELS)
            values = np.maximum(varied, 0) if values[0] >= 0 else varied
        found[name] = values
    return found


def interpreted(lives: Lives) -> Trains:
    """What the interpreter makes of them; each life is a channel."""
    planes = [plane.reshape(1, -1) for plane in lives.planes]
    spikes, membrane = run_neuron(lives.neuron, planes, lives.params, **_how(lives.mode))
    train = np.zeros(len(lives.planes[0]), np.int64)
    for spike in spikes or ():
        train = train << 1 | spike.reshape(-1)
    return train, membrane.reshape(-1)


# C ------------------------------------------------------------------------------------------------


def printed_c(lives: Lives, folder: Path) -> Trains:
    """The same by the C that is printed for a layer of such neurons.

    Raises:
        UserError: there is no C compiler, or it refuses the program.
    """
    source, library = folder / f"{lives.name}.c", folder / f"{lives.name}.so"
    source.write_text(_c_text(lives))
    flags = ["-std=c99", "-O1", "-Wall", "-fPIC", "-shared", "-o", str(library), str(source)]
    run_logged(f"C of @{lives.name}", [compiler(), *flags], folder / "c.log", cwd=folder)
    run = ctypes.CDLL(str(library)).run
    results = []
    for what in (0, 1):
        out = np.zeros(len(lives.planes[0]), np.int32)
        columns = np.ascontiguousarray([*lives.planes, *lives.params.values()], np.int32)
        run(ctypes.c_void_p(columns.ctypes.data), ctypes.c_void_p(out.ctypes.data), what)
        results.append(out.astype(np.int64))
    fires = lives.neuron.emission.data != "none"
    return (results[0] if fires else 0 * results[0]), results[1]


def _c_text(lives: Lives) -> str:
    """A life with the train as its result and one with the membrane, from the same lines."""
    count, mode = len(lives.planes[0]), lives.mode
    lines = ["#include <stdint.h>", "typedef int64_t name_int;", f"enum {{ COUNT = {count} }};"]
    lines += [f"static struct {{ const int32_t *plane[{mode.planes}]; }} sums;"]
    lines += [f"static const int32_t *param_{name}[1];" for name in lives.params]
    fires = lives.neuron.emission.data != "none"
    for index, is_readout in enumerate((not fires, True)):
        path = Datapath(
            lives.neuron, mode.planes, mode.planes, mode.steps, 0, BY_PLANE, is_readout, False
        )
        body = DatapathPrinter(index, path).neuron_lines()
        lines += [f"static void life_{index}(int32_t *value)", "{", "    const int tile = 0;"]
        lines += ["    (void)tile;", "    for (int c = 0; c < COUNT; ++c) {"]
        lines += [*(f"        {line}" for line in body), "    }", "}"]
    lines += ["void run(const int32_t *columns, int32_t *value, int what)", "{"]
    lines += [f"    sums.plane[{p}] = columns + {p} * (int64_t)COUNT;" for p in range(mode.planes)]
    lines += [
        f"    param_{name}[0] = columns + {mode.planes + k} * (int64_t)COUNT;"
        for k, name in enumerate(lives.params)
    ]
    lines += ["    if (what) life_1(value); else life_0(value);", "}", ""]
    return "\n".join(lines)


# Verilog ------------------------------------------------------------------------------------------


def simulated(all_lives: Sequence[Lives], folder: Path) -> list[Trains]:
    """The same by the pipelines as Verilog, in one simulator; a life begins in each clock.

    Raises:
        UserError: Verilator or a compiler is missing.
    """
    top, inputs, outputs = _top(all_lives)
    files = []
    for name, text in verilog_files(design(top)).items():
        files.append(folder / name)
        files[-1].write_text(text)
    main = folder / "steps.cpp"
    main.write_text(_main([name for name, _, _ in inputs], outputs))
    flags = ("-Wno-fatal",)
    program = verilator.build(files, top.name, main, folder / "steps", jobs=1, options=flags)
    count = max(len(lives.planes[0]) for lives in all_lives)
    late = max(neuron_stages(lives.mode, lives.neuron) for lives in all_lives)
    rows = np.zeros((count + late, len(inputs)), np.uint32)
    for column, (_, values, width) in enumerate(inputs):
        rows[: len(values), column] = values & ((1 << width) - 1)
    found = subprocess.run(
        [str(program), str(len(rows))], input=rows.tobytes(), stdout=subprocess.PIPE, check=True
    ).stdout
    words = np.frombuffer(found, np.uint32).reshape(len(rows), -1).astype(np.int64)
    results = []
    for number, lives in enumerate(all_lives):
        first = neuron_stages(lives.mode, lives.neuron)
        own = words[first : first + len(lives.planes[0]), 2 * number : 2 * number + 2]
        sign = 1 << (lives.bits - 1)
        results.append((own[:, 0], (own[:, 1] ^ sign) - sign))
    return results


def _top(all_lives: Sequence[Lives]) -> tuple[Module, list, list[str]]:
    """All pipelines side by side; the inputs as (name, values, bits), and the outputs' names."""
    m = Module("steps_top")
    m.clock()
    acc_bits = signed_bits(*CURRENTS)
    inputs, outputs = [], []
    for number, lives in enumerate(all_lives):
        array = ArrayParameters(
            2, 2, planes=lives.mode.planes, weight_bits=4, acc_bits=acc_bits,
            membrane_bits=lives.bits,
        )  # fmt: skip
        pipeline = pipeline_module(f"pipe_{number}", lives.neuron, lives.mode, array, [0])
        ports = {f"current{p}": (plane, acc_bits) for p, plane in enumerate(lives.planes)}
        ports |= {legal_name(n): (values, lives.bits) for n, values in lives.params.items()}
        pins = {}
        for port, (values, width) in ports.items():
            name = f"n{number}_{port}"
            pins[port] = m.input(name, width)
            inputs.append((name, values, width))
        made = m.instance(f"neuron_{number}", pipeline, **pins)
        for port in ("train", "membrane"):
            name = f"n{number}_{port}_out"
            m.output(name, made[port] if port in made else m.const(0, 1))
            outputs.append(name)
    return m, inputs, outputs


def _main(inputs: Sequence[str], outputs: Sequence[str]) -> str:
    """A program that reads a row of inputs for each clock and writes one of outputs."""
    lines = ["#include <cstdint>", "#include <cstdio>", "#include <cstdlib>"]
    lines += ['#include "Vsteps_top.h"', "int main(int, char **argv) {", "    Vsteps_top top;"]
    lines += [f"    uint32_t in[{len(inputs)}], out[{len(outputs)}];"]
    lines += ["    for (long row = std::atol(argv[1]); row > 0; --row) {"]
    lines += ["        if (std::fread(in, sizeof in, 1, stdin) != 1) return 1;"]
    lines += [f"        top.{name} = in[{k}];" for k, name in enumerate(inputs)]
    lines += ["        top.clk = 0; top.eval();"]
    lines += [f"        out[{k}] = top.{name};" for k, name in enumerate(outputs)]
    lines += ["        top.clk = 1; top.eval();"]
    lines += ["        std::fwrite(out, sizeof out, 1, stdout);", "    }", "    return 0;", "}", ""]
    return "\n".join(lines)
