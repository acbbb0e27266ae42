"""Hyperspectral cubes: .mat files, components, patches, splits with and without overlap."""

import sys

import numpy as np
import pytest

from snnir.errors import UserError
from snnir.training import hyperspectral as hs

scipy_io = pytest.importorskip("scipy.io", reason="needs scipy")

SHAPE, BANDS, CLASSES = (40, 36), 9, 3


def scene() -> tuple[np.ndarray, np.ndarray]:
    """A cube whose classes are stripes with spectra of their own, and what is where."""
    random = np.random.default_rng(2)
    rows, columns = np.indices(SHAPE)
    truth = 1 + (rows // 5 + columns // 6) % CLASSES
    truth[random.random(SHAPE) < 0.3] = 0
    spectra = random.normal(1000, 300, (CLASSES + 1, BANDS))
    return (spectra[truth] + random.normal(0, 20, (*SHAPE, BANDS))).astype(np.int16), truth


@pytest.fixture
def files(tmp_path):
    cube, truth = scene()
    scipy_io.savemat(tmp_path / "cube.mat", {"cube": cube})
    scipy_io.savemat(tmp_path / "gt.mat", {"gt": truth.astype(np.uint8)})
    return tmp_path


def test_files(files):
    cube, truth = scene()
    assert np.array_equal(hs.load_cube(files / "cube.mat"), cube.astype(np.float32))
    assert np.array_equal(hs.load_truth(files / "gt.mat", "gt"), truth)


def test_what_is_no_such_file(files):
    cube, truth = scene()
    (files / "text.mat").write_text("nothing of the kind, " * 20)
    header = b"MATLAB 7.3 MAT-file, Platform: GLNXA64" + b" " * 200
    (files / "new.mat").write_bytes(header[:124] + b"\x00\x02IM" + b"\x89HDF\r\n" + bytes(600))
    whole = (files / "cube.mat").read_bytes()
    (files / "cut.mat").write_bytes(whole[: len(whole) // 2])
    scipy_io.savemat(files / "two.mat", {"a": cube, "b": cube})
    scipy_io.savemat(files / "half.mat", {"gt": truth + 0.5})
    broken = cube.astype(np.float32)
    broken[3, 4, 5] = np.nan
    scipy_io.savemat(files / "nan.mat", {"cube": broken})
    for name, variable, what in (
        ("none.mat", None, "no such file"),
        ("text.mat", None, "no .mat file"),
        ("cut.mat", None, "no .mat file|cannot be read"),
        ("new.mat", None, "MATLAB 7.3"),
        ("two.mat", None, "2 arrays of 3 dimensions"),
        ("gt.mat", None, "0 arrays of 3 dimensions"),
        ("cube.mat", "salinas", "no variable 'salinas', the file holds cube"),
        ("nan.mat", None, "NaN"),
    ):
        with pytest.raises(UserError, match=what):
            hs.load_cube(files / name, variable)
    with pytest.raises(UserError, match="whole numbers"):
        hs.load_truth(files / "half.mat")


def test_without_scipy(files, monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.io", None)
    with pytest.raises(UserError, match="needs scipy"):
        hs.load_cube(files / "cube.mat")


def test_principal_components():
    cube, _ = scene()
    found = hs.principal(cube, 4).reshape(-1, 4).astype(np.float64)
    assert np.allclose(found.mean(0), 0, atol=1e-4) and np.allclose(found.std(0), 1, atol=1e-3)
    assert np.allclose(np.corrcoef(found.T), np.eye(4), atol=1e-3)
    # No other axis has more variance than the first.
    spectra = cube.reshape(-1, BANDS).astype(np.float64)
    spectra -= spectra.mean(0)
    largest = np.linalg.svd(spectra, compute_uv=False)[0] ** 2
    along = np.linalg.lstsq(found[:, :1], spectra, rcond=None)[0]
    assert np.isclose((found[:, :1] @ along).__pow__(2).sum(), largest)
    with pytest.raises(UserError, match="10 components"):
        hs.principal(cube, 10)


def test_patches():
    pixels = hs.pixels_of(hs.principal(scene()[0], 3))
    places = np.array([[0, 0], [20, 7], [39, 35]])
    found = hs.patches(pixels, places, 5)
    assert found.shape == (3, 1, 3, 5, 5) and found.dtype == np.uint8
    assert np.array_equal(found[1, 0], pixels[18:23, 5:10].transpose(2, 0, 1))
    assert (found[0, 0, :, :2] == hs.ZERO).all() and (found[2, 0, :, :, 3:] == hs.ZERO).all()
    assert np.array_equal(found[:, 0, :, 2, 2], pixels[tuple(places.T)])
    with pytest.raises(UserError, match="odd"):
        hs.patches(pixels, places, 4)


def distance(split: hs.Split) -> int:
    """The least number of rows or columns between what is trained on and what is tested on."""
    apart = np.abs(split.train[:, None] - split.test[None]).max(axis=2)
    return int(apart.min())


@pytest.mark.parametrize("seed", range(3))
def test_a_split_without_overlap(seed):
    truth = scene()[1]
    split = hs.apart_split(truth, 0.15, 5, seed)
    assert distance(split) >= 5, "patches of 5 pixels have one in common"
    labels = hs.labels_at(truth, split.train)
    counts = np.bincount(labels, minlength=CLASSES)
    assert (counts >= 0.15 * np.bincount(truth[truth > 0] - 1)).all()
    assert len(split.train) + len(split.test) + split.unused == (truth > 0).sum()
    assert len(split.test) > 0 and (hs.labels_at(truth, split.test) >= 0).all()
    again = hs.apart_split(truth, 0.15, 5, seed)
    assert np.array_equal(split.train, again.train) and np.array_equal(split.test, again.test)


def test_a_split_at_random_overlaps():
    truth = scene()[1]
    split = hs.random_split(truth, 0.3, 0)
    assert distance(split) == 1 and split.unused == 0
    for label in range(CLASSES):
        chosen, all_ = (hs.labels_at(truth, split.train) == label).sum(), (truth == label + 1).sum()
        assert chosen == round(0.3 * all_)
    with pytest.raises(UserError, match="share of 1"):
        hs.random_split(truth, 1.0, 0)


def test_scores():
    truth, found = np.array([0, 0, 0, 0, 1, 1]), np.array([0, 0, 0, 1, 1, 0])
    result = hs.scores(found, truth)
    assert np.isclose(result.overall, 4 / 6) and np.isclose(result.average, (0.75 + 0.5) / 2)
    chance = (4 / 6) ** 2 + (2 / 6) ** 2
    assert np.isclose(result.kappa, (4 / 6 - chance) / (1 - chance))
    assert hs.scores(truth, truth).kappa == 1
