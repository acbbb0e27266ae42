"""The generated pages say what the code says now."""

import re
from importlib import import_module
from pathlib import Path

import pytest

from snnir.tools.errors import ArgumentParser
from snnir.tools.snnc import COMMANDS

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("page", ["passes.md", "dialects.md", "neurons.md"])
def test_page_is_current(page: str, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "tools")
    from gen_docs import PAGES

    assert (ROOT / "docs" / page).read_text() == PAGES[page](), "run: make docs"


def test_generated_pages_end_like_text_files():
    for page in (ROOT / "docs").glob("*.md"):
        assert page.read_text().endswith("\n"), page
        assert str(ROOT) not in page.read_text(), f"{page} names this machine"


@pytest.mark.parametrize("page", ["README.md", "docs/snnc.md"])
def test_every_option_that_a_page_names_exists(page: str):
    known = {"--help", "--pass-pipeline"}
    for command in COMMANDS:
        parser = ArgumentParser()
        import_module(f"snnir.tools.commands.{command}").add_arguments(parser)
        known |= {option for action in parser._actions for option in action.option_strings}
    named = set(re.findall(r"(?<![\w-])--[a-z][\w-]+", (ROOT / page).read_text()))
    assert named and named <= known
