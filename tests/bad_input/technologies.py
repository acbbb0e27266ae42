"""Technology files, by which energy is counted."""

from pathlib import Path

from bad_input.cases import case
from bad_input.files import build

ENERGY = "report build --energy --technology mine.toml"


def with_technology(old: str, new: str) -> None:
    """A build folder, and a technology file that is a changed copy of a shipped one."""
    import snnir.targets

    folder = Path(snnir.targets.__file__).parent / "technologies"
    build()
    Path("mine.toml").write_text((folder / "cmos_45nm.toml").read_text().replace(old, new, 1))


@case("unknown technology", "report build --energy --technology cmos", "'cmos'", "cmos-45nm")
def _() -> None:
    build()


@case("missing technology file", ENERGY, "mine.toml", "No such file", "cmos-45nm")
def _() -> None:
    build()


@case("unknown key in a technology file", ENERGY, "mine.toml", "'ofchip'", "'off_chip'?")
def _() -> None:
    with_technology("[off_chip]", "[ofchip]")


@case("negative constant in a technology file", ENERGY, "mine.toml", "'bits.8' is -0.2")
def _() -> None:
    with_technology("8 = 0.2", "8 = -0.2")


@case("constant without a unit", ENERGY, "mine.toml", "[float_add]", "'unit' is missing")
def _() -> None:
    with_technology('32 = 0.9 }\nunit = "pJ"', "32 = 0.9 }")


@case("constant without a source", ENERGY, "mine.toml", "[feature]", "'source' is missing")
def _() -> None:
    with_technology('source = "both', '# "both')


@case(
    "technology without energy", "report build --technology cmos-45nm", "--technology", "--energy"
)
def _() -> None:
    build()
