"""Fixtures: CIRCT's Verilog exporter, an oracle that nobody here wrote, and random programs."""

import importlib.util
import io
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from xdsl.context import Context
from xdsl.dialects import comb, hw, seq
from xdsl.dialects.builtin import ModuleOp
from xdsl.printer import Printer

from snnir.passes.event_schedule import EventSchedulePass
from snnir.passes.tile_to_pe import TileToPePass

# What Yosys, Icarus and Verilator all take.
_OPTIONS = (
    "disallowLocalVariables,disallowPackedArrays,noAlwaysComb,locationInfoStyle=none,"
    "emittedLineLength=100"
)


def exportable(op: hw.HWModuleOp) -> bool:
    """Whether CIRCT 1.62 can be asked about a module.

    xDSL prints comb.parity so that nobody can parse it; the lowering of power-on values assigns
    to a wire.
    """
    return not any(
        isinstance(inner, comb.ParityOp)
        or (isinstance(inner, seq.CompRegOp) and inner.power_on_value is not None)
        for inner in op.body.block.ops
    )


def _export(module: ModuleOp) -> str:
    import circt
    from circt.ir import Context, Module
    from circt.passmanager import PassManager

    plain = module.clone()
    for op in plain.body.block.ops:
        # CIRCT knows no attributes of ours; the ports are all that it needs of an extern.
        for name in [name for name in op.attributes if name.startswith("snnir.")]:
            del op.attributes[name]
    for op in [*plain.walk()]:
        # Its exporter crashes on an operator with one operand, which is the identity.
        if op.name.startswith("comb.") and hasattr(op, "inputs") and len(op.operands) == 1:
            op.results[0].replace_all_uses_with(op.operands[0])
            op.detach()
            op.erase()
    text = io.StringIO()
    for op in plain.body.block.ops:
        Printer(text).print_op(op)
        text.write("\n")
    source = f'module attributes {{circt.loweringOptions = "{_OPTIONS}"}} {{\n{text.getvalue()}}}'
    with Context() as context:
        circt.register_dialects(context)
        parsed = Module.parse(source)
        PassManager.parse("builtin.module(lower-seq-to-sv)").run(parsed.operation)
        verilog = io.StringIO()
        circt.export_verilog(parsed, verilog)
    return verilog.getvalue()


@pytest.fixture(scope="session")
def circt_verilog() -> Callable[[ModuleOp | hw.HWModuleOp], str | None]:
    """From a design or a module to the SystemVerilog that CIRCT makes of it.

    None where CIRCT cannot be asked.
    """
    pytest.importorskip("circt", reason="the circt wheel exists for Python 3.11 and older only")

    def verilog(op: ModuleOp | hw.HWModuleOp) -> str | None:
        module = op if isinstance(op, ModuleOp) else ModuleOp([op.clone()])
        modules = [inner for inner in module.body.block.ops if isinstance(inner, hw.HWModuleOp)]
        return _export(module) if all(map(exportable, modules)) else None

    return verilog


@pytest.fixture(scope="session")
def scheduled() -> Callable[..., tuple[ModuleOp, np.ndarray]]:
    """From a seed to a random network as a scheduled program, and its images.

    Options of `tile-to-pe` come before those that belong to the seed.
    """
    path = Path(__file__).parents[1] / "random_networks.py"
    spec = importlib.util.spec_from_file_location("random_networks", path)
    networks = importlib.util.module_from_spec(spec)
    sys.modules.setdefault("random_networks", networks)  # its dataclasses look themselves up
    spec.loader.exec_module(networks)

    def make(seed: int, images: int = 2, **options: int) -> tuple[ModuleOp, np.ndarray]:
        network = networks.network_from_seed(seed, images=images)
        TileToPePass(**(network.options | options)).apply(Context(), network.module)
        EventSchedulePass().apply(Context(), network.module)
        return network.module, network.frames

    return make
