"""What snnir adds to every xDSL tool: its dialects, passes and targets, by name.

Everything here is a zero-argument factory that imports on demand: an xDSL tool reads this module
at each start, whether or not it will run anything of ours.
"""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from xdsl.universe import Universe

from snnir.errors import UserError

_DIALECTS = {
    "onnx": ("snnir.dialects.onnx", "Onnx"),
    "snn": ("snnir.dialects.snn", "Snn"),
    "pe": ("snnir.dialects.pe", "Pe"),
}

_TARGETS = {
    "verilog": ("snnir.backends.verilog", "VerilogTarget"),
    "c": ("snnir.backends.c", "CTarget"),
    "memory": ("snnir.backends.memory", "MemoryTarget"),
    "machine": ("snnir.backends.machine", "MachineTarget"),
    "neuron": ("snnir.backends.neuron", "NeuronTarget"),
}


def pass_class_name(stem: str) -> str:
    """The class that a pass file must define: `fold_batchnorm` -> `FoldBatchnormPass`."""
    return "".join(word.capitalize() for word in stem.split("_")) + "Pass"


def pass_files() -> dict[str, Path]:
    """Pass name -> file, for each file in snnir/passes whose name does not start with `_`."""
    files = sorted((Path(__file__).parent / "passes").glob("[!_]*.py"))
    return {path.stem.replace("_", "-"): path for path in files}


def _on_demand(module: str, attribute: str) -> Callable[[], Any]:
    def load() -> Any:
        try:
            return getattr(import_module(module), attribute)
        except AttributeError:
            file = module.replace(".", "/") + ".py"
            raise UserError(f"the module does not define {attribute}", where=file) from None

    return load


UNIVERSE = Universe(
    all_dialects={name: _on_demand(*place) for name, place in _DIALECTS.items()},
    all_passes={
        name: _on_demand(f"snnir.passes.{path.stem}", pass_class_name(path.stem))
        for name, path in pass_files().items()
    },
    all_targets={name: _on_demand(*place) for name, place in _TARGETS.items()},
)
