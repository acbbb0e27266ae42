"""Machines that take several networks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from bad_input.cases import case
from bad_input.files import COMPILE, digits_build, with_digits


def with_machine(change: Callable[[str], str]) -> None:
    """A machine.json, changed."""
    options = ("--reconfigurable", "--array", "4,8,4", "--weight-bits", "4")
    machine = Path(digits_build(*options).name) / "machine.json"
    Path("machine.json").write_text(change(machine.read_text()))


@case(
    "machine file that is none",
    f"{COMPILE} --array model.json", "model.json", "no machine file", "--reconfigurable",
)  # fmt: skip
def _() -> None:
    with_digits()
    Path("model.json").write_text('{"layers": []}')


@case("missing machine file", f"{COMPILE} --array nowhere.json", "nowhere.json", "No such file")
def _() -> None:
    with_digits()


@case(
    "changed machine file", f"{COMPILE} --array machine.json",
    "machine.json", "changed", "identity",
)  # fmt: skip
def _() -> None:
    with_digits()
    with_machine(lambda text: text.replace('"ring": 512', '"ring": 1024'))


@case(
    "network too wide for a machine", f"{COMPILE} --array machine.json --weight-bits 8",
    "machine", "acc-bits", quotes=True,
)  # fmt: skip
def _() -> None:
    with_digits()
    with_machine(lambda text: text)


@case(
    "machine with weights on the chip", f"{COMPILE} --reconfigurable --weights onchip",
    "DDR", "--weights",
)  # fmt: skip
def _() -> None:
    with_digits()
