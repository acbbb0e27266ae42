"""Runs what docs/adding-a-pass.md shows, as an outside package, so that the page cannot rot."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

PAGE = Path(__file__).parent.parent / "docs" / "adding-a-pass.md"
BLOCKS = dict(re.findall(r"\*\*`([^`]+)`\*\*\n\n```\w+\n(.*?)```", PAGE.read_text(), re.DOTALL))
TESTS = ["lit_tests/passes/prune_weights.mlir", "lit_tests/passes/prune_weights_invalid.mlir"]


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("outside")
    (folder / "spikelab").mkdir()
    (folder / "spikelab" / "__init__.py").touch()
    (folder / "spikelab" / "universe.py").write_text(BLOCKS["spikelab/universe.py"])
    source = BLOCKS["snnir/passes/prune_weights.py"]
    (folder / "spikelab" / "prune_weights.py").write_text(source)
    project = tomllib.loads(BLOCKS["pyproject.toml"])["project"]
    info = folder / "spikelab-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: spikelab\nVersion: 1.0\n")
    entries = project["entry-points"]["xdsl.universe"]
    lines = ["[xdsl.universe]", *(f"{name} = {value}" for name, value in entries.items())]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
    for name in TESTS:
        (folder / Path(name).name).write_text(BLOCKS[name])
    (folder / "lit.cfg.py").write_text(
        (PAGE.parent.parent / "lit_tests" / "lit.cfg.py").read_text()
    )
    return folder


@pytest.mark.parametrize("test", TESTS)
def test_the_page_runs(package: Path, test: str):
    lit = Path(sys.executable).parent / "lit"
    result = subprocess.run(
        [lit, "-v", package / Path(test).name],
        env={**os.environ, "PYTHONPATH": str(package)},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stdout


def test_the_example_keeps_house_style(package: Path):
    command = [sys.executable, "-m", "ruff", "check", "--line-length", "100", package / "spikelab"]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout
