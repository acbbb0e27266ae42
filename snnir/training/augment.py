"""What is done to training images: flips, shifts, cut-outs, mixtures; whole batches at once."""

from __future__ import annotations

import math

import torch
from torch import nn


def normalise(images: torch.Tensor, mean: tuple[float, ...], std: tuple[float, ...]):
    """uint8 (N, C, ...) -> float32 of the same shape, (x / 255 - mean) / std."""
    mean_, std_ = (torch.tensor(v).view(1, -1, *[1] * (images.ndim - 2)) for v in (mean, std))
    return (images.float() / 255 - mean_) / std_


def augmented(
    x: torch.Tensor, generator: torch.Generator, shift: int = 4, cut: int = 8
) -> torch.Tensor:
    """Each image flipped or not, moved by up to `shift` pixels, a square of `cut` pixels set to 0.

    Args:
        x: (N, C, H, W), normalised.
        generator: of the random numbers, so that a run can be repeated.

    Source: DeVries and Taylor, arXiv 1708.04552 (cut-out).
    """
    count, _, height, width = x.shape
    flip = torch.rand(count, generator=generator) < 0.5
    x = torch.where(flip.view(-1, 1, 1, 1), x.flip(3), x)
    padded = nn.functional.pad(x, [shift] * 4)
    top, left = torch.randint(0, 2 * shift + 1, (2, count, 1, 1), generator=generator)
    rows = (top + torch.arange(height).view(1, -1, 1)).clamp(max=height + 2 * shift - 1)
    columns = left + torch.arange(width).view(1, 1, -1)
    picked = padded.permute(0, 2, 3, 1)[torch.arange(count).view(-1, 1, 1), rows, columns]
    x = picked.permute(0, 3, 1, 2)
    if cut:
        y0, x0 = torch.randint(-cut // 2, height - cut // 2, (2, count, 1, 1), generator=generator)
        at_y = torch.arange(height).view(1, -1, 1) - y0
        at_x = torch.arange(width).view(1, 1, -1) - x0
        inside = (at_y >= 0) & (at_y < cut) & (at_x >= 0) & (at_x < cut)
        x = x.masked_fill(inside[:, None], 0)
    return x


def mixed(x: torch.Tensor, generator: torch.Generator, most: float) -> torch.Tensor:
    """A rectangle of each image is that of the image before it in the batch.

    No label says what such an image shows; it is for teachers, who answer to it.

    Args:
        x: (N, C, ...), images or volumes.
        most: of an image that is another's, 0 to 1; how much it is, is drawn evenly from 0 to that.

    Source: Yun et al., CutMix, ICCV 2019; Beyer et al., Knowledge distillation: a good teacher is
    patient and consistent, CVPR 2022 (mixed images and the teacher's outputs alone).
    """
    count, _, *sizes = x.shape
    share = (most * torch.rand(count, generator=generator)) ** (1 / len(sizes))
    inside = torch.ones((), dtype=torch.bool)
    for axis, size in enumerate(sizes, 2):
        first = torch.rand(count, generator=generator) * (1 - share)
        place = (torch.arange(size) + 0.5) / size - first[:, None]
        within = (place >= 0) & (place < share[:, None])
        inside = inside & within.view(count, *(size if a == axis else 1 for a in range(1, x.ndim)))
    return torch.where(inside, x.roll(1, 0), x)


def distorted(x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Each image turned by up to 10 degrees, scaled and sheared by up to a tenth, moved by 2."""
    spread = torch.tensor([math.radians(10), 0.1, 0.1, 0.1, 2 / 14, 2 / 14])
    turn, wide, high, shear, right, down = (
        (torch.rand(len(x), 6, generator=generator) * 2 - 1) * spread
    ).T
    cos, sin = turn.cos(), turn.sin()
    first = torch.stack([(1 + wide) * cos, shear - sin, right], dim=1)
    second = torch.stack([sin, (1 + high) * cos, down], dim=1)
    grid = nn.functional.affine_grid(
        torch.stack([first, second], dim=1), list(x.shape), align_corners=False
    )
    return nn.functional.grid_sample(x, grid, align_corners=False)


def turned(x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Each square image mirrored and turned by quarters at random: for views from above.

    Of volumes (N, C, D, H, W) all slices alike.
    """
    how = torch.rand(3, len(x), *[1] * (x.ndim - 1), generator=generator) < 0.5
    x = torch.where(how[0], x.flip(-1), x)
    x = torch.where(how[1], x.flip(-2), x)
    return torch.where(how[2], x.transpose(-2, -1), x)
