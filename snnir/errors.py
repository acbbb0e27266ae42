"""The one exception for mistakes that a user can make and mend, and a guess at what was meant."""

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """A mistake in what the user gave: a file, a model, an option.

    The tools print it as one line, `where: error: what; hint`, and exit with status 1.

    Args:
        what: what is wrong, in one clause.
        where: the file, node, option or layer at fault.
        hint: what the user can do about it.
    """

    def __init__(self, what: str, *, where: str | None = None, hint: str | None = None):
        self.what, self.where, self.hint = what, where, hint
        super().__init__(what)

    def __str__(self) -> str:
        text = " ".join(self.what.split())
        text = f"{self.where}: error: {text}" if self.where else f"error: {text}"
        if self.hint:
            text += f"; {' '.join(self.hint.split())}"
        return text


def did_you_mean(name: str, choices: Iterable[str]) -> str | None:
    """A hint that names the closest choice, if one is close."""
    close = difflib.get_close_matches(name, list(choices), n=1, cutoff=0.6)
    return f"did you mean '{close[0]}'?" if close else None
