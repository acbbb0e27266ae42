"""Collects the dialects, passes and targets of all installed packages (entry point xdsl.universe).

xDSL's own collector stops every tool when one entry point is broken; this one leaves that out
with a warning.
"""

import sys
from functools import cache
from importlib.metadata import entry_points

from xdsl.context import Context
from xdsl.universe import Universe

from snnir.errors import UserError


@cache
def universes() -> dict[str, Universe]:
    """Entry point name -> universe, in alphabetical order; our own is always among them."""
    found: dict[str, Universe] = {}
    for entry in sorted(entry_points(group="xdsl.universe"), key=lambda entry: entry.name):
        try:
            universe = entry.load()
            if not isinstance(universe, Universe):
                raise TypeError(f"{entry.value} is not an xdsl.universe.Universe")
        except Exception as error:
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            package = entry.dist.name if entry.dist else "unknown"
            print(
                f"warning: plug-in '{entry.name}' of package '{package}' ({entry.value}) "
                f"is left out: {reason}",
                file=sys.stderr,
            )
            continue
        found[entry.name] = universe
    if "snnir" not in found:
        from snnir.universe import UNIVERSE

        found["snnir"] = UNIVERSE
    return found


@cache
def multiverse() -> Universe:
    """All universes as one.

    Raises:
        UserError: where two of them give the same name.
    """
    whole = Universe()
    for kind in ("dialects", "passes", "targets"):
        owner: dict[str, str] = {}
        union = getattr(whole, f"all_{kind}")
        for package, universe in universes().items():
            for name, factory in getattr(universe, f"all_{kind}").items():
                if name in owner:
                    raise UserError(
                        f"plug-ins '{owner[name]}' and '{package}' both define '{name}' "
                        f"among their {kind}",
                        hint="rename it in one of them or uninstall that package",
                    )
                owner[name], union[name] = package, factory
    return whole


def make_context(allow_unregistered: bool = False) -> Context:
    """A context that knows all dialects by name and imports each when it is first met."""
    ctx = Context(allow_unregistered=allow_unregistered)
    for name, factory in multiverse().all_dialects.items():
        ctx.register_dialect(name, factory)
    return ctx
