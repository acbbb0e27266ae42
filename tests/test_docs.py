"""The generated pages say what the code says now."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("page", ["passes.md", "dialects.md"])
def test_page_is_current(page: str, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "tools")
    from gen_docs import PAGES

    assert (ROOT / "docs" / page).read_text() == PAGES[page](), "run: make docs"


def test_generated_pages_end_like_text_files():
    for page in (ROOT / "docs").glob("*.md"):
        assert page.read_text().endswith("\n"), page
        assert str(ROOT) not in page.read_text(), f"{page} names this machine"
