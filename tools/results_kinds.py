"""What kinds of rows docs/results.md has of CIFAR-10's networks: converted, trained, listening."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from results_rows import AHEAD, FEW, Network, Row, radix, rate, trained, tried

POINTS = {8: 0.2, 4: 0.5, 3: 2.0}
"""What may be lost by radix coding with T = 4, by bits."""
RATE_POINTS = {8: 0.5, 4: 1.5}
"""What may be lost by rate coding, by T."""
LISTENS = ("--neuron", "ahead", "--neuron-values", "ahead=2")
"""Neurons of rate coding that decide each spike two steps later."""


def converted(
    network: Network, steps: int = 4, bits: Iterable[int] = POINTS, rates: Iterable[int] = ()
) -> tuple[Row, ...]:
    """A network of CIFAR-10 without training.

    Args:
        steps, bits: T of its rows of radix coding, and their bits.
        rates: bits of its rows of rate coding, T = 8.
    """
    rows = [Row(network, **radix(steps, b, f"8,32,{steps}"), within=POINTS[b], verified=FEW)
            for b in bits]  # fmt: skip
    rows += [Row(network, **rate(8, b, "8,32,8"), verified=FEW, calibrated=128) for b in rates]
    return tuple(rows)


def listening(network: Network, steps: int) -> Row:
    """A network of CIFAR-10 without training, 4 bits, in rate coding that listens ahead."""
    row = Row(network, **rate(steps, 4, f"8,32,{steps}"), within=RATE_POINTS[steps], verified=FEW)
    return tried(row, AHEAD, *LISTENS)


def listened(network: Network, steps: int, recipe: str, how: str) -> Row:
    """Of neurons that listen ahead, trained further."""
    model = network.key.partition("-")[0]
    folder = f"$MODELS/{model}_ahead{steps}"
    listens = f"--coding rate --steps {steps} --ahead 2 --margin 4 --teach 1 --average 0.98"
    return trained(
        network, rate(steps, 4, f"8,32,{steps}"), f"{folder}/{model}.onnx",
        f"{recipe} {listens} {how} -o {folder}", RATE_POINTS[steps], FEW, f"trained {AHEAD}",
    )  # fmt: skip


def stepped(
    recipe: str, model: str, *stages: tuple[str, str], after: str | None = None
) -> tuple[str, ...]:
    """Commands that train step by step neurons that decide each spike in its own step.

    Args:
        recipe: what all have in common.
        stages: the folder that each makes is $MODELS/MODEL_NAME, NAME the first, options the
            second; each starts with what the one before it has learnt.
        after: NAME of what the first starts with.
    """
    commands = []
    for name, options in stages:
        if after is not None:
            options = f"{learnt(model, after)} {options}"
        commands.append(
            f"{recipe} --coding rate --epochs 0 --through steps --steps-batch 64 --teach 1 "
            f"--average 0.99 {options} -o $MODELS/{model}_{name}"
        )
        after = name
    return tuple(commands)


def learnt(model: str, *names: str) -> str:
    """The options that start with what a stage of `stepped` has learnt; the mean of several."""
    files = (f"$MODELS/{model}_{name}/{model}.steps.checkpoint" for name in names)
    return " ".join(f"--weights {file}" for file in files)


def mean(recipe: str, model: str, steps: int, *names: str) -> str:
    """The command that makes $MODELS/MODEL_causalT_mean, the mean of stages of `stepped`."""
    return (
        f"{recipe} --steps {steps} --coding rate --epochs 0 {learnt(model, *names)} "
        f"-o $MODELS/{model}_causal{steps}_mean"
    )


def causal(network: Network, steps: int, commands: tuple[str, ...]) -> Row:
    """Of neurons that decide each spike in its own step, trained by commands one after another."""
    model = network.key.partition("-")[0]
    folder = commands[-1].rpartition(" -o ")[2]
    return trained(
        network, rate(steps, 4, f"8,32,{steps}"), f"{folder}/{model}.onnx",
        " && ".join(commands), RATE_POINTS[steps], FEW,
    )  # fmt: skip


def prepared(network: Network, steps: int, file: str, recipe: str) -> Row:
    """As `listening`, of a float network that was trained on from it to bear rounding."""
    return replace(listening(network, steps), trained=file, plain=True, recipe=recipe,
                   mark=f"prepared {AHEAD}")  # fmt: skip
