"""Biases of rate-coded layers settled on what the neurons fire, layer after layer."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import nn

from snnir.training.spiking import Layer, SpikingNetwork, sources
from snnir.training.teaching import answers_of
from snnir.training.trains import Train

ROUNDS = 4
"""How often the biases of a layer are moved."""


@torch.no_grad()
def settle(network: SpikingNetwork, teacher: nn.Module, x: torch.Tensor) -> None:
    """Fits biases to the spikes that come, before training step by step.

    For each layer in order, with the trains that the settled layers before it make: what the spikes
    of a channel lack in the mean, beside the activations of the teacher, is added to its bias, a
    few times, and the bias is kept at which they were nearest to the activations.

    Args:
        network: of rate coding; its biases are changed.
        teacher: the plain network that `spiking` was given.
        x: images as `Pixels.real` makes them, a hundred or so.

    Raises:
        ValueError: the network is not rate-coded.

    Source: Li et al., ICML 2021 (A Free Lunch From ANN: calibration of biases by spikes).
    """
    if network.code.coding != "rate":
        raise ValueError("only rate-coded networks are settled")
    answers = iter(answers_of(teacher, network.pixels.plain(x)))
    training = network.training
    # Evaluation mode computes in float64 what need not be exact here.
    network.train()
    trains = [network.pixels(x)]
    for stage in network.stages:
        inputs = [trains[i] for i in sources(stage)]
        if isinstance(stage, Layer):
            if not stage.fires:
                break
            trains.append(_settled(stage, inputs, next(answers)))
        else:
            trains.append(stage(inputs))
    network.train(training)


def _settled(layer: Layer, trains: list[Train], wanted: torch.Tensor) -> Train:
    """The train of a layer whose bias is chosen."""
    wanted = wanted.clamp(max=float(layer.full))
    ready = layer.integers(trains)
    currents = layer.currents(ready, trains)
    others = [0, *range(2, wanted.ndim)]
    best, least, kept = layer.bias.clone(), None, None
    for _ in range(ROUNDS):
        ready = replace(ready, bias=layer.whole_bias(ready.unit))
        fired = layer.fire_step_by_step(ready, currents, trains)[0]
        lack = wanted - fired.sum(0) * (layer.spike_value() / layer.code.steps)
        error = lack.square().mean(others)
        if least is None:
            least, kept = error, fired
        better = error < least
        best = torch.where(better, layer.bias, best)
        kept = torch.where(better.view(-1, *[1] * (wanted.ndim - 2)), fired, kept)
        least = torch.minimum(least, error)
        layer.bias += lack.mean(others)
    layer.bias.copy_(best)
    return Train(kept, layer.spike_value(), "steps")
