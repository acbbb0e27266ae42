"""Build folders, and what is run on them."""

from pathlib import Path

import numpy as np

from bad_input.cases import case
from bad_input.files import RUN, build


@case("missing build folder", RUN, "build", "no such build folder", "snnc compile")
def _() -> None:
    pass


@case("folder that is no build folder", RUN, "build", "not a build folder", "snnc compile")
def _() -> None:
    Path("build").mkdir()


@case("changed file in a build folder", RUN, "build/c/model.c", "changed", "compile it again")
def _() -> None:
    build()
    with open("build/c/model.c", "a") as file:
        file.write("/* mine */\n")


@case("missing file in a build folder", "report build", "build", "model.onnx is missing", "again")
def _() -> None:
    build()
    Path("build/model.onnx").unlink()


@case("truncated manifest", RUN, "build/manifest.json", "damaged", "compile it again")
def _() -> None:
    build()
    manifest = Path("build/manifest.json")
    manifest.write_text(manifest.read_text()[:700])


@case("edited manifest", RUN, "build/manifest.json", "changed", "compile it again")
def _() -> None:
    build()
    manifest = Path("build/manifest.json")
    manifest.write_text(manifest.read_text().replace('"planes": 4', '"planes": 5'))


@case("build folder of another version", RUN, "build", "snnir 0.0.1", "compile it again")
def _() -> None:
    from snnir import __version__

    build()
    manifest = Path("build/manifest.json")
    manifest.write_text(manifest.read_text().replace(f'"{__version__}"', '"0.0.1"'))


@case("images of another size", RUN, "data.npz", "3x8x8", "1x8x8", "(N, 1, 8, 8)")
def _() -> None:
    build(x=np.zeros((2, 3, 8, 8), np.uint8))


@case("label beyond the outputs", RUN, "data.npz", "label 10", "10 outputs", "from 0")
def _() -> None:
    build(x=np.zeros((2, 1, 8, 8), np.uint8), y=np.array([3, 10]))


@case(
    "fewer labels than images",
    RUN,
    "data.npz",
    "y has shape (1,)",
    "2 samples",
    "one integer label",
)
def _() -> None:
    build(x=np.zeros((2, 1, 8, 8), np.uint8), y=np.array([3]))


@case("limit of nothing", f"{RUN} --limit 0", "--limit", "1 or more", "'0'")
def _() -> None:
    build()


@case(
    "one engine to compare", "verify build --input data.npz --engines c",
    "--engines", "two or more", "interp, c, rtl",
)  # fmt: skip
def _() -> None:
    build()


@case(
    "Verilog where there is none", "verify build --input data.npz --engines c,rtl",
    "build", "no Verilog", "without --no-verilog",
)  # fmt: skip
def _() -> None:
    build()
