"""Samples of several windows: what keeps its state between them, and which neurons can."""

from __future__ import annotations

import math

import numpy as np
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.ir import Operation

from snnir.analysis.network import LayerOp, encode_of, is_rate, layers, neuron_of
from snnir.dialects.snn import EncodeOp, NeuronOp, ReadoutOp
from snnir.errors import UserError

ENDLESS = 0
"""Number of windows of a sample that goes on as long as it likes."""

MOST_WINDOWS = 4096
"""Of a sample whose number of windows is known: each step is a step of a proof."""


def windows_of(op: Operation) -> int:
    """The windows of a sample of the network that holds an op: 1, more, or `ENDLESS`."""
    function: Operation | None = op
    while function is not None and not isinstance(function, FuncOp | ModuleOp):
        function = function.parent_op()
    if isinstance(function, ModuleOp):
        return encode_of(function).window_count
    ops = function.body.block.ops if function is not None else ()
    return next((o.window_count for o in ops if isinstance(o, EncodeOp)), 1)


def kept_windows(layer: LayerOp) -> int:
    """Over how many windows a layer's neurons keep their states; as `windows_of`.

    Where a sample has no end the potential that is read out would have none: each window has its
    own, unless the readout has a bound by itself.
    """
    windows = windows_of(layer)
    alone = isinstance(layer, ReadoutOp) and layer.goes_on is None
    return 1 if windows == ENDLESS and alone else windows


def count_windows(declared: int, given: int | None, frames: int) -> int:
    """How many of the frames, one behind the other, are the windows of one sample.

    Args:
        declared: what the network says.
        given: what the caller says, if anything; a sample may be left before its last window.

    Raises:
        UserError: these frames cannot be so many windows.
    """
    count = given if given is not None else declared or frames
    if declared != ENDLESS and count > declared:
        raise UserError(
            f"a sample of {count} windows, the network is made for {declared}",
            hint=f"compile it with --windows {count}, or --windows endless",
        )
    if count < 1 or frames % count:
        raise UserError(f"{frames} frames are no samples of {count} windows")
    return count


def fired_earlier(words: np.ndarray, windows: int) -> np.ndarray:
    """The trains (N, ...) of the window before each, silent before the first of a sample.

    Args:
        windows: so many of the N, one behind the other, are one sample.
    """
    by_sample = words.reshape(-1, windows, *words.shape[1:])
    silence = np.zeros_like(by_sample[:, :1])
    return np.concatenate([silence, by_sample[:, :-1]], axis=1).reshape(words.shape)


def split_windows(x: np.ndarray, size: int, declared: int) -> np.ndarray:
    """Samples as (N, W, ...), each window of `size` elements.

    Samples of one window's size are the same in every window.

    Raises:
        UserError: a sample is neither a window nor as many as the network is made for.
    """
    elements = math.prod(x.shape[1:])
    if elements == size:
        return np.repeat(x[:, None], declared or 1, axis=1)
    if x.ndim < 3 or math.prod(x.shape[2:]) != size:
        return x[:, None]
    if declared not in (ENDLESS, x.shape[1]):
        raise UserError(
            f"a sample of x has {x.shape[1]} windows, the network is made for {declared}",
            hint=f"compile it with --windows {x.shape[1]}, or --windows endless",
        )
    return x


def check_windows(module: ModuleOp) -> None:
    """Whether all neurons of a network can go on where they stopped.

    Raises:
        UserError: one cannot; the message names its layer.
    """
    for layer in layers(module):
        if kept_windows(layer) == 1:
            continue
        reason = _obstacle(neuron_of(layer), isinstance(layer, ReadoutOp), is_rate(layer))
        if reason is not None:
            raise UserError(
                f"neuron @{neuron_of(layer).sym_name.data} cannot go on in another window: "
                f"{reason}",
                where=f"layer '{layer.label.data}'",
                hint="use rate coding with causal emission, or one window",
            )


def _obstacle(neuron: NeuronOp, is_readout: bool, rate: bool) -> str | None:
    """Why a neuron cannot, or None."""
    if not rate:
        return "the steps of its trains weigh differently"
    if neuron.emission.data == "after":
        return "it fires when all steps are integrated"
    block = neuron.settle.block
    if is_readout and list(block.last_op.operands) != list(block.args[: len(neuron.state_names)]):
        return "it settles at the end"
    if not is_readout and list(neuron.fire.block.args[-1].uses):
        return "it asks how many steps are left"
    return None
