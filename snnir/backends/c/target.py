"""Prints the C program: its tables and neurons, set into the machine's own C files."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import resources
from typing import IO, TYPE_CHECKING, ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.utils.target import Target

if TYPE_CHECKING:
    from snnir.schedule.loading import Ddr

FILES = ("model.h", "weights.c", "model.c", "main.c")
"""The C files in the order in which one file may hold them all."""


@dataclass(frozen=True)
class CTarget(Target):
    """The whole C program as one file, `main` included."""

    name: ClassVar[str] = "c"

    def emit(self, ctx: Context, module: ModuleOp, output: IO[str]) -> None:
        files = c_sources(module)
        for name in FILES:
            output.write(files[name].replace('#include "model.h"\n', ""))


def c_sources(module: ModuleOp, ddr: Ddr | None = None) -> dict[str, str]:
    """File name to text: model.h, model.c, weights.c, main.c and a Makefile.

    Args:
        ddr: the memory that clocks are counted for unless the program is told another; None for
            one whose ports are always busy (`DDR`).

    Raises:
        UserError: the module holds no scheduled program, or one that C cannot express.
    """
    from snnir.backends.c.model import CModel
    from snnir.backends.c.tables import rename, sections
    from snnir.schedule.loading import DDR

    model = CModel(module)
    texts = sections(model, ddr or DDR)
    files = {}
    for name in (*FILES, "Makefile"):
        source = resources.files(__package__).joinpath(f"template/{name}").read_text()
        parts = re.split(r"/\*@(\w+)@\*/\n", source)
        parts[0::2] = [rename(part, model.name) for part in parts[0::2]]
        parts[1::2] = [texts[section]() for section in parts[1::2]]
        files[name] = "".join(parts)
    return files
