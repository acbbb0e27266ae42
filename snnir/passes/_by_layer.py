"""Options that give single layers a number of their own: `steps-of=conv2:3,conv5:2`."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from snnir.errors import UserError

ByLayer = tuple[str, ...] | str | None
"""Type of such an option."""


def by_layer(option: str, given: ByLayer, low: int, high: int) -> dict[str, int]:
    """Label of a layer -> its number.

    Raises:
        UserError: an entry is no `LAYER:N`, comes twice, or has another number than allowed.
    """
    entries = (given,) if isinstance(given, str) else given or ()
    found: dict[str, int] = {}
    for entry in entries:
        label, colon, number = entry.rpartition(":")
        if not (colon and label and number.isdecimal() and number.isascii()):
            raise UserError(f"{option} takes LAYER:N,..., not '{entry}'")
        if label in found:
            raise UserError(f"{option} names layer '{label}' twice")
        if not low <= int(number) <= high:
            raise UserError(f"{option} gives layer '{label}' {number}, allowed are {low} to {high}")
        found[label] = int(number)
    return found


def check_known(option: str, wanted: Mapping[str, int], labels: Collection[str]) -> None:
    """Refuse labels that no layer has.

    Raises:
        UserError: for the first one.
    """
    unknown = [label for label in wanted if label not in labels]
    if unknown:
        raise UserError(
            f"{option} names layer '{unknown[0]}'",
            hint=f"the layers are {', '.join(labels)}" if labels else "there are no such layers",
        )
