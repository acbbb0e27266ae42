"""Applies patterns until none applies, and lets a pattern's UserError through as it is.

xDSL's PatternRewriteWalker wraps whatever a pattern raises in a diagnostic that prints the whole
function, constants included.
"""

from collections.abc import Sequence

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern
from xdsl.transforms.dead_code_elimination import is_trivially_dead


def rewrite_greedily(module: ModuleOp, patterns: Sequence[RewritePattern]) -> None:
    """Apply the first pattern that matches to each op, again and again until none matches.

    Ops without effect whose results nobody reads are erased on the way.
    """
    changed = True
    while changed:
        changed = False
        for op in list(module.walk()):
            # An earlier rewrite of this round may have erased the op.
            if op is not module and op.parent is not None:
                changed |= _rewrite_one(op, patterns)
    for op in reversed(list(module.walk())):
        if is_trivially_dead(op):
            PatternRewriter(op).erase(op)


def _rewrite_one(op: Operation, patterns: Sequence[RewritePattern]) -> bool:
    rewriter = PatternRewriter(op)
    if is_trivially_dead(op):
        rewriter.erase(op)
        return True
    for pattern in patterns:
        pattern.match_and_rewrite(op, rewriter)
        if rewriter.has_done_action:
            return True
    return False
