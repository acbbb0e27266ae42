"""Where an operation was written: source locations as the text that error lines start with."""

from xdsl.dialects.builtin import ArrayAttr, CallSiteLoc, FileLineColLoc, FusedLoc, NameLoc
from xdsl.ir import Attribute, Operation


def place(op: Operation) -> str | None:
    """`file:line:col` or the name of an imported node; None where nothing is known.

    An operation that a pass made has no location of its own, so the file of the nearest enclosing
    operation with one is given, without a line that would mislead.
    """
    if (text := _text(op.location)) is not None:
        return text
    parent = op.parent_op()
    while parent is not None:
        if isinstance(parent.location, FileLineColLoc):
            return parent.location.filename.data
        parent = parent.parent_op()
    return None


def _text(location: Attribute) -> str | None:
    match location:
        case FileLineColLoc(filename=name, line=line, column=column):
            return f"{name.data}:{line.data}:{column.data}"
        case NameLoc(desc=name, location=inner):
            return _text(inner) or name.data
        case CallSiteLoc(callee=callee):
            return _text(callee)
        case FusedLoc(locations=ArrayAttr() as parts):
            return next((text for part in parts if (text := _text(part))), None)
        case _:
            return None
