"""A float network teaches a spiking one: its outputs and what its neurons answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import nn

from snnir.training.spiking import Layer, SpikingNetwork
from snnir.training.trains import Train

WARMTH = 2.0
"""By which outputs are divided before they are compared as probabilities."""


@contextmanager
def listening(teacher: nn.Module) -> Iterator[list[torch.Tensor]]:
    """A list to which each ReLU adds what it answers, in order."""
    found: list[torch.Tensor] = []
    hooks = [
        module.register_forward_hook(lambda _, __, out: found.append(out))
        for module in teacher.modules()
        if isinstance(module, nn.ReLU)
    ]
    try:
        yield found
    finally:
        for hook in hooks:
            hook.remove()


def answers_of(teacher: nn.Module, x: torch.Tensor) -> list[torch.Tensor]:
    """What each ReLU answers to what the plain network takes."""
    with listening(teacher) as answers:
        teacher.eval()(x)
    return answers


def apart(out: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """How far the probabilities of outputs (N, classes) are from those wanted."""
    divergence = nn.functional.kl_div(
        nn.functional.log_softmax(out / WARMTH, 1),
        nn.functional.log_softmax(wanted / WARMTH, 1),
        log_target=True,
        reduction="batchmean",
    )
    return WARMTH**2 * divergence


def mean_of(networks: Sequence[nn.Module], x: torch.Tensor) -> torch.Tensor:
    """The mean output of plain networks."""
    return torch.stack([network.to(x.device)(x).float() for network in networks]).mean(0)


class TaughtByMany:
    """The loss of a plain network that learns from labels and from trained ones.

    Args:
        teachers: networks that take the same images; their outputs are averaged. Not trained here.
        share: of their outputs beside the labels, 0 to 1.
        smoothing: of labels.

    Source: Hinton et al., arXiv 1503.02531 (an ensemble as the teacher).
    """

    def __init__(
        self, teachers: Sequence[nn.Module], share: float = 0.9, smoothing: float = 0.1
    ) -> None:
        self.teachers = [teacher.eval() for teacher in teachers]
        self.share, self.smoothing = share, smoothing

    def __call__(self, net: nn.Module, x: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """The loss of images as the networks take them."""
        with torch.no_grad():
            wanted = mean_of(self.teachers, x)
        out = net(x).float()
        loss = nn.functional.cross_entropy(out, labels, label_smoothing=self.smoothing)
        return (1 - self.share) * loss + self.share * apart(out, wanted)


class Taught:
    """The loss of a spiking network that learns from labels and from the network it was made of.

    Three terms: cross-entropy with the labels; how far the outputs' probabilities are from the
    teacher's; and, layer by layer, the squared difference between what a train stands for and the
    activation of the teacher's ReLU, as a share of the mean square of the latter. The last says to
    each layer what it should fire, and so corrects in a few steps what spikes that come unevenly
    make too much or too little.

    Args:
        teacher: the plain network that `spiking` was given; not trained here.
        share: of the teacher's outputs beside the labels, 0 to 1.
        layers: weight of the sum over all layers.
        smoothing: of labels.
        others: plain networks of any form that take the same images; the outputs to learn are the
            mean of theirs and the teacher's, which can be better than the teacher alone.

    Source: Hinton et al., arXiv 1503.02531 (outputs); Romero et al., FitNets, ICLR 2015 (layers);
    Li et al., A free lunch from ANN, ICML 2021 (layers of a spiking network).
    """

    def __init__(
        self,
        teacher: nn.Module,
        share: float = 0.5,
        layers: float = 0.1,
        smoothing: float = 0.1,
        others: Sequence[nn.Module] = (),
    ) -> None:
        self.teacher, self.share, self.layers = teacher.eval(), share, layers
        self.smoothing, self.others = smoothing, [other.eval() for other in others]

    def __call__(
        self, network: SpikingNetwork, x: torch.Tensor, labels: torch.Tensor
    ) -> torch.Tensor:
        """The loss of images `x` as `Pixels.real` makes them."""
        with torch.no_grad(), listening(self.teacher) as answers:
            wanted = mean_of([self.teacher, *self.others], network.pixels.plain(x))
        trains = network.run(x)
        out = (trains[-1].values * trains[-1].step).float()
        loss = nn.functional.cross_entropy(out, labels, label_smoothing=self.smoothing)
        loss = (1 - self.share) * loss + self.share * apart(out, wanted)
        if self.layers:
            fired = [
                _real(stage, train)
                for stage, train in zip(network.stages, trains, strict=True)
                if isinstance(stage, Layer) and stage.fires
            ]
            for got, answer in zip(fired, answers, strict=True):
                error = (got - answer).square().mean() / answer.square().mean().clamp_min(1e-12)
                loss = loss + self.layers * error
        return loss


def _real(layer: Layer, train: Train) -> torch.Tensor:
    """What a train stands for."""
    if train.kind == "still":
        return train.values * train.step
    counts = train.counts
    if counts is None:
        counts = train.values.sum(0) if train.kind == "steps" else train.values
    return counts * train.step / layer.code.steps
