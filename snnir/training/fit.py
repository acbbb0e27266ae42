"""The training loop: any module, any recipe; checkpoints from which it goes on."""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from snnir.training.coarse import coarse_relus


@dataclass(frozen=True)
class Recipe:
    """How a network is trained: the learning rate has a warm-up and a cosine.

    `epochs` may be a fraction; `smoothing` of labels; `average`: decay per step of the exponential
    moving average of the weights, which is what the trained network has (0: the last weights).
    `sizes`: side in pixels to which images are brought, each for an equal share of the steps (none:
    as they are), for networks that take any size; small images first train in a fraction of the
    time. `coarse`: share of the steps, the last ones, in which half of the images meet activations
    rounded to `levels` steps (`snnir.training.coarse`), for plain networks.

    Raises:
        ValueError: `coarse` is no share, there are no levels, or an average that never moves.

    Source: Loshchilov and Hutter, ICLR 2017 (cosine); Szegedy et al., CVPR 2016 (smoothing); Tan
    and Le, ICML 2021 (images that grow).
    """

    epochs: float
    rate: float = 0.1
    batch: int = 128
    momentum: float = 0.9
    decay: float = 5e-4
    warm_up: float = 0.1
    smoothing: float = 0.1
    average: float = 0.0
    seed: int = 7
    sizes: tuple[int, ...] = ()
    coarse: float = 0.0
    levels: int = 15

    def __post_init__(self) -> None:
        if not 0 <= self.coarse <= 1:
            raise ValueError(f"coarse is {self.coarse:g}, a share is 0 to 1")
        if self.levels < 1:
            raise ValueError(f"levels is {self.levels}, at least one is needed")
        if not 0 <= self.average < 1:
            raise ValueError(f"average is {self.average:g}, it is 0 to below 1")

    def sized(self, x: torch.Tensor, done: float) -> torch.Tensor:
        """(N, C, H, W) images as they are trained on when a share `done` of 0..1 is done."""
        if not self.sizes:
            return x
        size = self.sizes[int(done * len(self.sizes))]
        if x.shape[2:] == (size, size):
            return x
        return nn.functional.interpolate(x, (size, size), mode="bilinear", antialias=True)

    def roughened(self, net: nn.Module, done: float) -> AbstractContextManager[None]:
        """In which a network is trained on when a share `done` of 0..1 is done."""
        return coarse_relus(net, self.levels) if done >= 1 - self.coarse else nullcontext()


def fit(
    net: nn.Module,
    images: torch.Tensor,
    labels: torch.Tensor,
    recipe: Recipe,
    *,
    prepare: Callable[[torch.Tensor, torch.Generator], torch.Tensor],
    checkpoint: Path | None = None,
    every: float = 300,
    device: str = "cpu",
    channels_last: bool = False,
    bf16: bool = False,
    loss: Callable[[nn.Module, torch.Tensor, torch.Tensor], torch.Tensor] | None = None,
    optimiser: Callable[[nn.Module, Recipe], torch.optim.Optimizer] | None = None,
) -> nn.Module:
    """Trains `net` in place and returns it in evaluation mode.

    Args:
        images: (N, ...) of any type; labels: (N,) int64.
        prepare: makes a batch of images what the network takes (normalisation, augmentation).
        checkpoint: file that is written each `every` seconds; if it exists, training goes on from
            it, with the same order of images as if it had never stopped.
        device: where the network is trained; images are prepared on the CPU, and it ends there.
        channels_last: how convolutions lay out maps, which makes narrow networks faster.
        bf16: convolutions and products take bfloat16, the weights stay float32; with channels last
            about twice as fast on processors that multiply it (AVX512-BF16). What a spiking
            network multiplies are small integers, which bfloat16 holds; its currents are rounded
            to 8 bits while it is trained. In evaluation mode nothing is.
        loss: of the network, what it takes, and labels; None for cross-entropy.
        optimiser: of the network and the recipe, whose learning rate it follows; None for `sgd`.
            A parameter group's `share` multiplies the rate.

    Source: Polyak and Juditsky, 1992 (averaging of weights).
    """
    layout = torch.channels_last if channels_last else torch.contiguous_format
    net.to(device=device, memory_format=layout)
    state = _State(net, recipe, math.ceil(len(images) / recipe.batch), optimiser or sgd)
    if checkpoint is not None and checkpoint.exists():
        state.restore(torch.load(checkpoint, weights_only=True, map_location=device))
    saved = time.monotonic()
    net.train()
    while state.step < state.steps:
        began = time.monotonic()
        epoch, index = divmod(state.step, state.per_epoch)
        generator = torch.Generator().manual_seed(recipe.seed * 1_000_003 + epoch)
        order = torch.randperm(len(images), generator=generator)
        for batch in order.split(recipe.batch)[index : index + state.steps - state.step]:
            seeded = torch.Generator().manual_seed(recipe.seed * 1_000_003 + state.step)
            done = state.step / state.steps
            x = recipe.sized(prepare(images[batch], seeded), done)
            x = x.to(device=device, memory_format=layout)
            truth = labels[batch].to(device)
            rough = recipe.roughened(net, done)
            with rough, torch.autocast(x.device.type, torch.bfloat16, enabled=bf16):
                lost = loss(net, x, truth) if loss else _crossed(net, x, truth, recipe)
            state.advance(lost, bf16)
            if checkpoint is not None and time.monotonic() - saved > every:
                _write(state.content(), checkpoint)
                saved = time.monotonic()
        seconds = time.monotonic() - began
        print(
            f"epoch {epoch + 1} of {recipe.epochs:g}: "
            f"loss {state.mean_loss():.4f}, {seconds:.0f} s",
            file=sys.stderr,
            flush=True,
        )
    if checkpoint is not None:
        _write(state.content(), checkpoint)
    if recipe.average:
        net.load_state_dict(state.averaged)
    return net.to("cpu").eval()


def sgd(net: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """With Nesterov momentum, and decay of what has more than one dimension."""
    weights = [p for p in net.parameters() if p.ndim > 1]
    others = [p for p in net.parameters() if p.ndim <= 1]
    return torch.optim.SGD(
        [{"params": weights, "weight_decay": recipe.decay}, {"params": others}],
        lr=recipe.rate,
        momentum=recipe.momentum,
        nesterov=True,
    )


def _crossed(net: nn.Module, x: torch.Tensor, labels: torch.Tensor, recipe: Recipe):
    return nn.functional.cross_entropy(net(x).float(), labels, label_smoothing=recipe.smoothing)


class _State:
    """All that a checkpoint holds."""

    def __init__(self, net: nn.Module, recipe: Recipe, per_epoch: int, optimiser) -> None:
        self.net, self.recipe, self.per_epoch = net, recipe, per_epoch
        self.step, self.steps = 0, max(1, round(recipe.epochs * per_epoch))
        self.optimiser = optimiser(net, recipe)
        self.averaged = {name: v.detach().clone() for name, v in net.state_dict().items()}
        self.losses: list[float] = []

    def learning_rate(self) -> float:
        """Of the next step: linear warm-up, then half a cosine down to 0."""
        done = self.step / self.steps
        if done < self.recipe.warm_up:
            return self.recipe.rate * (self.step + 1) / (self.recipe.warm_up * self.steps + 1)
        done = (done - self.recipe.warm_up) / (1 - self.recipe.warm_up)
        return self.recipe.rate * (1 + math.cos(math.pi * done)) / 2

    def advance(self, loss: torch.Tensor, bf16: bool) -> None:
        for group in self.optimiser.param_groups:
            group["lr"] = group.get("share", 1.0) * self.learning_rate()
        self.optimiser.zero_grad()
        loss.backward()
        with torch.autocast(loss.device.type, torch.bfloat16, enabled=bf16):
            self.optimiser.step()
        self.step += 1
        self.losses.append(loss.item())
        if self.recipe.average:
            # Early weights are forgotten sooner than the decay says.
            keep = min(self.recipe.average, self.step / (self.step + 10))
            with torch.no_grad():
                for name, value in self.net.state_dict().items():
                    if value.is_floating_point():
                        self.averaged[name].lerp_(value, 1 - keep)
                    else:
                        self.averaged[name].copy_(value)

    def mean_loss(self) -> float:
        """Of the steps since it was last asked for."""
        mean = sum(self.losses) / max(1, len(self.losses))
        self.losses.clear()
        return mean

    def content(self) -> dict[str, object]:
        return {
            "step": self.step,
            "steps": self.steps,
            "net": self.net.state_dict(),
            "averaged": self.averaged,
            "optimiser": self.optimiser.state_dict(),
        }

    def restore(self, content: dict) -> None:
        if content["steps"] != self.steps:
            sys.exit(
                f"the checkpoint is of a training of {content['steps']} steps, not {self.steps}: "
                "remove it or train with the same options"
            )
        self.step = content["step"]
        self.net.load_state_dict(content["net"])
        self.averaged = content["averaged"]
        self.optimiser.load_state_dict(content["optimiser"])


def _write(content: dict[str, object], path: Path) -> None:
    """Whole or not at all."""
    part = path.with_suffix(".part")
    torch.save(content, part)
    os.replace(part, path)


def accuracy(net: nn.Module, x: torch.Tensor, labels: torch.Tensor, batch: int = 250) -> float:
    """Share of images whose largest output is that of the label; `x` as the network takes it."""
    net.eval()
    with torch.inference_mode():
        right = sum(
            int((net(part).argmax(1) == truth).sum())
            for part, truth in zip(x.split(batch), labels.split(batch), strict=True)
        )
    return right / len(labels)
