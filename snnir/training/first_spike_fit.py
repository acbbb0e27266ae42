"""Trains first-to-spike networks by maximum likelihood, with the integers that are compiled.

The likelihood of a class is the probability that its neuron is the first output neuron to spike, in
any step and with no other in the same one:

    L = log sum over t of  p_c[t] * prod over k != c of (1 - p_k[t])
                                  * prod over s < t and all k of (1 - p_k[s])

with p = sigmoid(u). Its gradient has a closed form: with q_t the probability, given L, that the
decision falls in step t, the potential of the right neuron gets q_t - p_c[t] * sum of q_s, s >= t,
and that of each other one -p_k[t] * sum of q_s, s >= t. Hidden neurons spike by the very random
numbers that the machine will draw, so that each is a unit whose threshold is another in each step.
Gradients take a sigmoid around that threshold for the spike.

Source: Bagheri, Simeone and Rajendran, Training Probabilistic Spiking Neural Networks with
First-to-Spike Decoding, ICASSP 2018 (likelihood and gradient); Bengio, Leonard and Courville,
arXiv:1308.3432 (straight through spikes).
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from snnir.training.early_exit import early_loss
from snnir.training.first_spike import HIGH, LOW, FirstToSpike, GlmLayer, thresholds

SHARPNESS = 3.0
"""What the last potentials are multiplied by where the largest decides. Neurons that stay silent
have only -8 to about -4; without it each sample would pay for silence until more is known."""

SILENT_BIAS = -5.0
"""Bias of output neurons behind hidden ones before training: the sigmoid of the machine is 0 there.
Had they spiked from the first step on, the steps behind it would have no gradients."""


class FirstToSpikeLoss(torch.autograd.Function):
    """The mean of -L of potentials (T, N, classes), by the closed form."""

    @staticmethod
    def forward(ctx, potentials: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        silent = nn.functional.logsigmoid(-potentials)
        all_silent = silent.sum(2)
        before = all_silent.cumsum(0) - all_silent
        index = labels.expand(len(potentials), -1).unsqueeze(2)
        right = potentials.gather(2, index).squeeze(2)
        # log p = u + log (1 - p)
        first = before + all_silent + right
        likelihood = first.logsumexp(0)
        ctx.save_for_backward(potentials, index, (first - likelihood).exp())
        return -likelihood.mean()

    @staticmethod
    def backward(ctx, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        potentials, index, decides = ctx.saved_tensors
        later = decides.flip(0).cumsum(0).flip(0).unsqueeze(2)
        towards = -potentials.sigmoid() * later
        towards.scatter_add_(2, index, decides.unsqueeze(2))
        return -gradient * towards / potentials.shape[1], None


def kept(potentials: torch.Tensor) -> torch.Tensor:
    """What the machine keeps of potentials: 4 bits behind the point of -8 to 8."""
    exact = (potentials * 16).floor().clamp(LOW, HIGH) / 16
    return potentials + (exact - potentials).detach()


def anytime_loss(
    potentials: torch.Tensor, labels: torch.Tensor, shares: torch.Tensor | None = None
) -> torch.Tensor:
    """The mean over numbers of allowed steps of -log of the probability of the right decision.

    It is that the right neuron spikes first in one of these steps, or that none spikes in them and
    the right one is chosen by the potentials of the last of them (by a softmax).

    Args:
        shares: of 1, 2, ... T allowed steps; all are alike without.
    """
    all_silent = nn.functional.logsigmoid(-potentials).sum(2)
    none_yet = all_silent.cumsum(0)
    index = labels.expand(len(potentials), -1).unsqueeze(2)
    decided = (none_yet + potentials.gather(2, index).squeeze(2)).logcumsumexp(0)
    chosen = (SHARPNESS * kept(potentials)).log_softmax(2).gather(2, index).squeeze(2)
    by_allowed = -torch.logaddexp(decided, none_yet + chosen).mean(1)
    return by_allowed.mean() if shares is None else by_allowed @ (shares / shares.sum())


def every_pair(weight: torch.Tensor, steps: int) -> torch.Tensor:
    """What spikes of each step do in each step, (steps * outputs, steps * inputs).

    Args:
        weight: (window, outputs, inputs).
    """
    window, outputs, inputs = weight.shape
    lag = torch.arange(steps)[:, None] - torch.arange(steps)
    lag = torch.where((lag < 0) | (lag >= window), window, lag)
    pairs = torch.cat([weight, weight.new_zeros(1, outputs, inputs)])[lag]
    return pairs.transpose(1, 2).reshape(steps * outputs, steps * inputs)


class Glm(nn.Module):
    """A layer of neurons with a filter over the steps of a window; weights of 8 bits.

    Args:
        points: bits of a weight behind its point.
    """

    def __init__(self, inputs: int, outputs: int, window: int, points: int, seeds: np.ndarray):
        super().__init__()
        self.points, self.seeds = points, seeds
        self.weight = nn.Parameter(torch.randn(window, outputs, inputs) / inputs**0.5)
        self.bias = nn.Parameter(torch.full((outputs,), -1.0))

    def rounded(self, values: torch.Tensor, most: int) -> torch.Tensor:
        unit = 2.0**-self.points
        exact = (values / unit).round().clamp(-most, most) * unit
        return values + (exact - values).detach()

    def forward(self, spikes: torch.Tensor, which: list[int] | None = None) -> torch.Tensor:
        """Potentials (T, N, outputs).

        Args:
            spikes: (T, N, inputs), or only the steps that differ.
            which: for each step, which of them it is.
        """
        weight, bias = self.rounded(self.weight, 127), self.rounded(self.bias, 1 << 20)
        if which is None:
            by_sample = spikes.transpose(0, 1).flatten(1)
            potentials = by_sample @ every_pair(weight, len(spikes)).T
            return potentials.unflatten(1, (len(spikes), -1)).transpose(0, 1) + bias
        window, outputs, inputs = weight.shape
        # What each step does at each delay.
        all_currents = spikes @ weight.reshape(-1, inputs).T
        currents = all_currents.unflatten(2, (window, outputs))
        steps = []
        for step in range(len(which)):
            parts = [currents[which[step - d], :, d] for d in range(min(window, step + 1))]
            steps.append(torch.stack(parts).sum(0) + bias)
        return torch.stack(steps)

    def layer(self) -> GlmLayer:
        """Its integers."""
        scale = 2.0**self.points
        weights = (self.weight.detach() * scale).round().clamp(-127, 127)
        bias = (self.bias.detach() * scale).round()
        return GlmLayer(
            weights.to(torch.int8).numpy(), bias.long().numpy(), self.points, self.seeds
        )


class FirstToSpikeNet(nn.Module):
    """Layers of `Glm` behind trains that levels make of pixels.

    Args:
        sizes: neurons of each layer, inputs first.
        windows: of each layer; points: of each layer.
        seed: of the weights and of the neurons' shift registers.
    """

    def __init__(
        self, sizes: list[int], windows: list[int], points: list[int], levels: list[int], seed: int
    ) -> None:
        super().__init__()
        torch.manual_seed(seed)
        rng = np.random.default_rng(seed)
        self.levels = levels
        self.distinct = sorted(set(levels))
        self.which = [self.distinct.index(level) for level in levels]
        self.layers = nn.ModuleList(
            Glm(inputs, outputs, window, bits, rng.integers(1, 1 << 16, outputs))
            for inputs, outputs, window, bits in zip(
                sizes[:-1], sizes[1:], windows, points, strict=True
            )
        )
        if len(windows) > 1:
            with torch.no_grad():
                self.layers[-1].weight /= SHARPNESS * windows[-1] ** 0.5
                self.layers[-1].bias.fill_(SILENT_BIAS)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Potentials (T, N, classes) of uint8 pixels (N, inputs)."""
        spikes = torch.stack([pixels > level for level in self.distinct]).float()
        which: list[int] | None = self.which
        for layer in self.layers[:-1]:
            potentials = layer(spikes, which)
            # A 16th is what the machine keeps of a potential; floats are exact below 2^20.
            least = torch.tensor(thresholds(layer.seeds, len(potentials))).unsqueeze(1)
            fired = ((potentials * 16).floor() >= least).float()
            near = (potentials - least / 16).sigmoid()
            spikes, which = near + (fired - near).detach(), None
        return self.layers[-1](spikes, which)

    def integers(self, ties: str = "strongest", silent: str = "potential") -> FirstToSpike:
        """The network as it is compiled."""
        return FirstToSpike(self.levels, [layer.layer() for layer in self.layers], ties, silent)


@dataclass(frozen=True)
class Likelihood:
    """How a first-to-spike network is trained: Adam and a cosine.

    `anytime` is the share of `anytime_loss`, for decisions in fewer steps than all, `shares` are
    those of each number of allowed steps in it; `early` is the share of `early_loss`, for decisions
    in few of the `windows` of a sample.
    `decay` is the share of the rate that a step takes off weights (not off biases).
    """

    epochs: int = 8
    rate: float = 0.01
    batch: int = 250
    seed: int = 7
    anytime: float = 0.5
    early: float = 0.0
    windows: int = 1
    shares: tuple[float, ...] | None = None
    decay: float = 0.0


def fit_first_to_spike(
    net: FirstToSpikeNet,
    pixels: np.ndarray,
    labels: np.ndarray,
    recipe: Likelihood,
    report: Callable[[int, float], None] | None = None,
) -> None:
    """Trains on uint8 pixels (N, ...); progress on stderr unless `report` takes it."""
    x = torch.tensor(pixels.reshape(len(pixels), -1))
    y = torch.from_numpy(np.asarray(labels, np.int64))
    groups = [
        {
            "params": [p for name, p in net.named_parameters() if name.endswith(kind)],
            "weight_decay": decay,
        }
        for kind, decay in (("weight", recipe.decay), ("bias", 0.0))
    ]
    adam = torch.optim.AdamW(groups, lr=recipe.rate)
    generator = torch.Generator().manual_seed(recipe.seed)
    shares = None if recipe.shares is None else torch.tensor(recipe.shares)
    batches = len(x) // recipe.batch
    total, step = recipe.epochs * batches, 0
    for epoch in range(recipe.epochs):
        order, sum_of = torch.randperm(len(x), generator=generator), 0.0
        for part in order[: batches * recipe.batch].split(recipe.batch):
            for group in adam.param_groups:
                group["lr"] = recipe.rate * (0.5 + 0.5 * math.cos(math.pi * step / total))
            found, wanted = net(x[part]), y[part]
            share = 1 - recipe.anytime - recipe.early
            loss = share * FirstToSpikeLoss.apply(found, wanted)
            if recipe.early:
                loss = loss + recipe.early * early_loss(found, wanted, recipe.windows)
            if recipe.anytime:
                loss = loss + recipe.anytime * anytime_loss(found, wanted, shares)
            adam.zero_grad()
            loss.backward()
            adam.step()
            sum_of, step = sum_of + float(loss.detach()), step + 1
        if report is not None:
            report(epoch, sum_of / batches)
        else:
            print(f"epoch {epoch + 1}: {sum_of / batches:.4f}", file=sys.stderr, flush=True)
