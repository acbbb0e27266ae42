"""Recordings of event cameras."""

import numpy as np

from bad_input.cases import case
from bad_input.files import build

EVENTS = "events rec.npz -o x.npz --size 2x4x4 --timesteps 4"


def with_recording(**changed) -> None:
    """A recording of three events, changed."""
    arrays = {"x": [0, 1, 3], "y": [0, 2, 3], "t": [5, 6, 9], "p": [0, 1, 1]} | changed
    np.savez("rec.npz", **{name: np.array(a) for name, a in arrays.items() if a is not None})


@case("missing recording", EVENTS, "rec.npz", "No such file")
def _() -> None:
    pass


@case("recording without times", EVENTS, "rec.npz", "'t'", "x, y, t and p")
def _() -> None:
    with_recording(t=None)


@case("event outside the sensor", EVENTS, "rec.npz", "x = 7, y = 2", "4 x 4")
def _() -> None:
    with_recording(x=[0, 7, 3])


@case("times that are no whole numbers", EVENTS, "rec.npz", "'t'", "whole numbers")
def _() -> None:
    with_recording(t=[0.5, 1.0, 2.0])


@case("recording for a network of pixels", "run build --events rec.npz", "build", "spikes")
def _() -> None:
    build()
    with_recording()


@case("neither inputs nor a recording", "run build", "--input X.npz", "--events FILE")
def _() -> None:
    build()
