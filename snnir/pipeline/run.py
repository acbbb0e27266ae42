"""Runs a pass pipeline on a module, checked after each pass: for snn-opt, snnc and Python."""

import time
from collections.abc import Callable, Sequence

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from snnir.analysis.order import check_order
from snnir.dialects.location import place
from snnir.errors import UserError
from snnir.pipeline.faults import as_user_error, operation_at_fault
from snnir.pipeline.plugins import make_context, multiverse
from snnir.pipeline.spec import build_passes

AfterPass = Callable[[str, ModuleOp, float], None]
"""Called with the pass's name, the module as it left it, and the seconds that it took."""


def run_pipeline(
    module: ModuleOp, spec: str, *, ctx: Context | None = None, after_pass: AfterPass | None = None
) -> None:
    """Run the passes that `spec` names, in place; all of them are made before the first runs.

    Args:
        spec: for example `fold-batchnorm,quantise{weight-bits=4}`, with or without
            `builtin.module(...)` around it.

    Raises:
        UserError: for a mistake in `spec`, a pass that fails, or one that leaves an invalid module.
    """
    passes = build_passes(spec, multiverse().all_passes)
    apply_passes(module, passes, ctx or make_context(), after_pass=after_pass)


def apply_passes(
    module: ModuleOp,
    passes: Sequence[ModulePass],
    ctx: Context,
    *,
    after_pass: AfterPass | None = None,
    verify: bool = True,
) -> None:
    """Run passes that are made already; see `run_pipeline`."""
    for step in passes:
        start = time.perf_counter()
        try:
            step.apply(ctx, module)
        except Exception as error:
            raise with_context(error, f"pass '{step.name}'") from error
        seconds = time.perf_counter() - start
        if verify:
            check_module(module, after=step.name)
        if after_pass is not None:
            after_pass(step.name, module, seconds)


def check_module(module: ModuleOp, *, after: str | None = None) -> None:
    """Verify a module and the order of its definitions and uses.

    Raises:
        UserError: with the place of the first fault, and the pass that left it behind, if any.
    """
    try:
        module.verify()
        check_order(module)
    except Exception as error:
        problem = as_user_error(error)
        op = operation_at_fault(error)
        text = problem.what if problem else f"{type(error).__name__}: {error}"
        subject = f"'{op.name}': {text}" if op else text
        what = f"invalid after pass '{after}': {subject}" if after else subject
        raise UserError(what, where=place(op) if op else None) from error


def with_context(error: Exception, actor: str) -> Exception:
    """The error with the name of who raised it and, where it can be found, the place in the input.

    Args:
        actor: for example `pass 'quantise'`.
    """
    problem = as_user_error(error)
    if problem is None:
        error.add_note(f"(in {actor})")
        return error
    op = operation_at_fault(error)
    where = (place(op) if op else None) or problem.where
    what = problem.what
    if problem.where and problem.where != where:
        what = f"{problem.where}: {what}"
    return UserError(f"{actor}: {what}", where=where, hint=problem.hint)
