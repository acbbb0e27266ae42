"""The reference networks as plain torch modules, from LeNet-5 to ResNet-18."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

CLASSES = 10


class LeNet5(nn.Sequential):
    """(1, 28, 28) -> 10 logits, with ReLU and max pooling.

    Source: LeCun et al., Proceedings of the IEEE 86 (1998), in the form of spiking accelerators.
    """

    def __init__(self) -> None:
        super().__init__(
            nn.Conv2d(1, 6, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(6, 16, 5),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(400, 120),
            nn.ReLU(),
            nn.Linear(120, 84),
            nn.ReLU(),
            nn.Linear(84, CLASSES),
        )


def _convolution(before: int, channels: int, stride: int = 1, kernel: int = 3) -> list[nn.Module]:
    """A convolution that keeps the size (less its stride), and its batch norm."""
    return [
        nn.Conv2d(before, channels, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(channels),
    ]


def _stack(before: int, plan: tuple[int | str, ...]) -> list[nn.Module]:
    """Convolutions with batch norm and ReLU; "M" is a 2x2 max pool."""
    layers: list[nn.Module] = []
    for entry in plan:
        if isinstance(entry, str):
            layers.append(nn.MaxPool2d(2))
        else:
            layers += [*_convolution(before, entry), nn.ReLU()]
            before = entry
    return layers


class AlexNet(nn.Sequential):
    """(3, 32, 32) -> 10 logits: five convolutions, the first of 5x5, three dense layers.

    Source: Krizhevsky et al., NIPS 2012; kernels, strides and widths for images of 32x32.
    """

    def __init__(self) -> None:
        super().__init__(
            *_convolution(3, 64, kernel=5),
            nn.ReLU(),
            nn.MaxPool2d(2),
            *_stack(64, (192, "M", 384, 256, 256, "M")),
            nn.Flatten(),
            nn.Linear(256 * 4 * 4, 512, bias=False),
            nn.BatchNorm1d(512),
            nn.ReLU(),
            nn.Linear(512, 256, bias=False),
            nn.BatchNorm1d(256),
            nn.ReLU(),
            nn.Linear(256, CLASSES),
        )


class VGG6(nn.Sequential):
    """(3, 32, 32) -> 10 logits: five convolutions of few channels, one dense layer.

    Source: Simonyan and Zisserman, ICLR 2015, cut to what trains over several steps on a CPU.
    """

    def __init__(self) -> None:
        plan = (32, "M", 64, 64, "M", 128, 128, "M")
        super().__init__(*_stack(3, plan), nn.Flatten(), nn.Linear(128 * 4 * 4, CLASSES))


class VGG11(nn.Sequential):
    """(3, 32, 32) -> 10 logits: eight convolutions, one dense layer.

    Source: Simonyan and Zisserman, ICLR 2015 (configuration A), in its form for CIFAR.
    """

    def __init__(self) -> None:
        plan = (64, "M", 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M")
        super().__init__(*_stack(3, plan), nn.Flatten(), nn.Linear(512, CLASSES))


class PatchNet(nn.Sequential):
    """(bands, 3, 3) -> logits: what a pixel of a multispectral image shows, by its neighbours."""

    def __init__(self, bands: int = 4, classes: int = 6) -> None:
        super().__init__(
            *_stack(bands, (32, 64)),
            nn.Flatten(),
            nn.Linear(64 * 9, 128, bias=False),
            nn.BatchNorm1d(128),
            nn.ReLU(),
            nn.Linear(128, classes),
        )


class PatchNet3d(nn.Sequential):
    """(1, bands, 3, 3) -> logits: convolutions over bands and pixels, then one over pixels alone.

    Source: Roy et al., HybridSN, IEEE GRSL 17 (2020), and Datta et al., ACE-SNN, Frontiers in
    Neuroscience 16 (2022), in their hybrid form of 3-D and 2-D layers, for few bands.
    """

    def __init__(self, bands: int = 4, classes: int = 6) -> None:
        super().__init__(
            nn.Conv3d(1, 16, 3, padding=1, bias=False),
            nn.BatchNorm3d(16),
            nn.ReLU(),
            nn.Conv3d(16, 32, 3, padding=1, bias=False),
            nn.BatchNorm3d(32),
            nn.ReLU(),
            nn.Flatten(1, 2),
            *_stack(32 * bands, (64,)),
            nn.Flatten(),
            nn.Linear(64 * 9, 128, bias=False),
            nn.BatchNorm1d(128),
            nn.ReLU(),
            nn.Linear(128, classes),
        )


class HybridSN(nn.Sequential):
    """(1, bands, size, size) -> logits: three 3-D convolutions, a 2-D one, three dense layers.

    Source: Roy et al., HybridSN, IEEE GRSL 17 (2020), with its dropout of 0.4.
    """

    def __init__(self, bands: int = 30, size: int = 25, classes: int = 16) -> None:
        if bands < 13 or size < 9:
            raise ValueError("HybridSN needs 13 bands and 9 pixels or more")
        super().__init__(
            nn.Conv3d(1, 8, (7, 3, 3)),
            nn.ReLU(),
            nn.Conv3d(8, 16, (5, 3, 3)),
            nn.ReLU(),
            nn.Conv3d(16, 32, 3),
            nn.ReLU(),
            nn.Flatten(1, 2),
            nn.Conv2d(32 * (bands - 12), 64, 3),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(64 * (size - 8) ** 2, 256),
            nn.ReLU(),
            nn.Dropout(0.4),
            nn.Linear(256, 128),
            nn.ReLU(),
            nn.Dropout(0.4),
            nn.Linear(128, classes),
        )


class Block(nn.Module):
    """Two convolutions of 3x3 and a shortcut, which is a 1x1 convolution where shapes differ."""

    def __init__(self, before: int, channels: int, stride: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            *_convolution(before, channels, stride), nn.ReLU(), *_convolution(channels, channels)
        )
        self.shortcut = nn.Sequential()
        if stride != 1 or before != channels:
            self.shortcut = nn.Sequential(*_convolution(before, channels, stride, kernel=1))
        self.relu = nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.relu(self.branch(x) + self.shortcut(x))


class _ResNet(nn.Sequential):
    def __init__(self, widths: tuple[int, ...], blocks: int) -> None:
        layers: list[nn.Module] = [*_convolution(3, widths[0]), nn.ReLU()]
        before = widths[0]
        for stage, channels in enumerate(widths):
            for block in range(blocks):
                layers.append(Block(before, channels, 2 if stage and not block else 1))
                before = channels
        layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(before, CLASSES)]
        super().__init__(*layers)


class ResNet18(_ResNet):
    """(3, 32, 32) -> 10 logits: a stem of 3x3 and four stages of two blocks.

    Source: He et al., CVPR 2016, with the stem that is usual for CIFAR.
    """

    def __init__(self) -> None:
        super().__init__((64, 128, 256, 512), 2)


class ResNet20(_ResNet):
    """(3, 32, 32) -> 10 logits: three stages of three blocks, 16 to 64 channels.

    Source: He et al., CVPR 2016, section 4.2, with 1x1 convolutions as shortcuts.
    """

    def __init__(self) -> None:
        super().__init__((16, 32, 64), 3)


MODELS: dict[str, Callable[[], nn.Module]] = {
    "lenet5": LeNet5,
    "alexnet": AlexNet,
    "vgg6": VGG6,
    "vgg11": VGG11,
    "resnet18": ResNet18,
    "resnet20": ResNet20,
    "patchnet": PatchNet,
    "patchnet3d": PatchNet3d,
}
"""The networks by the names that scripts and files use."""
