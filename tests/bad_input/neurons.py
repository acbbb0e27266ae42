"""Neurons, and options of them."""

from pathlib import Path

from bad_input.cases import case
from bad_input.files import COMPILE, with_digits


@case("unknown neuron", f"{COMPILE} --neuron hodgkin", "no neuron is called 'hodgkin'", "lif")
def _() -> None:
    with_digits()


@case(
    "neuron that divides",
    f"{COMPILE} --neuron own.neuron",
    "own.neuron:3:11: error", "does not divide", "shift with >>",
)  # fmt: skip
def _() -> None:
    with_digits()
    Path("own.neuron").write_text(
        "neuron own(theta):\n    state v = 0\n    v = v / 2 + I\n    spike when v >= theta\n"
    )


@case(
    "a value from which another is computed",
    f"{COMPILE} --neuron own.neuron --neuron-values gap=2",
    "'wait' is computed from 'gap' and keeps its value", "give 'wait' as well",
)  # fmt: skip
def _() -> None:
    with_digits()
    Path("own.neuron").write_text(
        "neuron own(theta, gap = 1, wait = gap * theta):\n    state v = 0\n    v = v + I\n"
        "    spike when v >= theta + wait\n"
    )


@case(
    "values that the neuron does not take",
    f"{COMPILE} --neuron alif --neuron-values slope=2",
    "@alif has no parameter or option 'slope'", "it has leak, recovery, strength",
)  # fmt: skip
def _() -> None:
    with_digits()


@case(
    "neuron of a layer that there is not",
    f"{COMPILE} --neuron conv9=alif",
    "no layer 'conv9' fires", "the layers that do are conv1, add1, conv3",
)  # fmt: skip
def _() -> None:
    with_digits()


@case("neuron options without effect", f"{COMPILE} --reset hard", "--reset", "rate", "leave it out")
def _() -> None:
    with_digits()


@case(
    "reset that contradicts the emission",
    f"{COMPILE} --coding rate --emission after --reset hard",
    "convert-onnx-to-snn", "emission=after needs reset=soft", "fires once",
)  # fmt: skip
def _() -> None:
    with_digits()
