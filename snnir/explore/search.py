"""The search: measure each setting once, judge all arrays for it, keep what nothing else beats."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from snnir.dialects.pe_types import ArrayParameters
from snnir.errors import UserError
from snnir.explore.measure import Cache, Job, Measured, Refused, measure
from snnir.explore.model import Estimate, Limits, estimates
from snnir.explore.pareto import choose, front
from snnir.explore.space import Setting, Space, arrays
from snnir.explore.workers import Workers
from snnir.runtime.programs import content_key
from snnir.runtime.progress import counted, step
from snnir.targets import Target
from snnir.tiling.clocks import Estimator

if TYPE_CHECKING:
    from snnir.pipeline.flow import Flow

SHARES = 4
"""Parts into which the arrays are cut for each worker, so that none waits long for the others."""


@dataclass(frozen=True)
class Query:
    """What is asked.

    Args:
        flow: the options that all settings share.
        data: path of samples to run; None for none.
        objectives: names in `pareto.OBJECTIVES`.
    """

    model: str
    flow: Flow
    space: Space
    target: Target
    limits: Limits
    data: str | None = None
    limit: int | None = None
    objectives: tuple[str, ...] = ("speed", "luts", "accuracy")


@dataclass(frozen=True)
class Found:
    """What was found.

    Args:
        measured: of each setting, what is known or why it was refused.
        considered, fitting: how many designs there are, how many of them within the limits.
        others: the fitting designs that are not on the front.
        chosen: index into `front`.
    """

    settings: list[Setting]
    measured: list[Measured | Refused]
    considered: int
    fitting: int
    front: list[Estimate]
    others: list[Estimate]
    chosen: int


def search(query: Query, workers: Workers, cache: Cache) -> Found:
    """Search a space.

    Raises:
        UserError: all settings are refused, or nothing is within the limits.
    """
    settings = query.space.settings()
    measured = _measure(query, settings, workers, cache)
    if not (good := [m for m in measured if isinstance(m, Measured)]):
        raise measured[0].error
    parts, considered = _parts(query, measured, workers.count)
    fitting: list[Estimate] = []
    with step(f"judging {considered:,} designs"):
        for _, found in counted(workers.run(judge, parts), len(parts)):
            fitting += found
    fitting.sort(key=_order)
    accurate = [e for e in fitting if (e.accuracy or 0) >= query.limits.accuracy]
    if not accurate:
        raise UserError(_nothing(query, good, fitting, considered), where=query.model)
    best = front(accurate, query.objectives)
    known = set(map(id, best))
    others = [e for e in accurate if id(e) not in known]
    return Found(settings, measured, considered, len(accurate), best, others, choose(best))


def _measure(
    query: Query, settings: Sequence[Setting], workers: Workers, cache: Cache
) -> list[Measured | Refused]:
    jobs = [
        Job(query.model, _flow_of(query.flow, one), one, query.data, query.limit,
            query.space.planes)
        for one in settings
    ]  # fmt: skip
    contents = {path: _contents(path) for path in jobs[0].files()}
    hashes = {path: content_key([data]) for path, data in contents.items()}
    results = [cache.find(job, hashes) for job in jobs]
    missing = [index for index, result in enumerate(results) if result is None]
    if missing:
        shared = contents if workers.remote else None
        todo = [jobs[index] for index in missing]
        with step(f"compiling {len(todo)} of {len(jobs)} settings"):
            for number, result in counted(workers.run(measure, todo, shared), len(todo)):
                index = missing[number]
                results[index] = result
                cache.keep(jobs[index], hashes, result)
    return results


def _flow_of(flow: Flow, setting: Setting) -> Flow:
    """The options without those of rate-coded neurons where there are none."""
    if setting.coding == "rate":
        return flow
    return replace(flow, emission=None, reset=None, compare=None)


def _contents(path: str) -> bytes:
    if path.endswith(".onnx"):
        from snnir.frontend.onnx_file import whole_model

        return whole_model(path)
    return Path(path).read_bytes()


@dataclass(frozen=True)
class Part:
    """Arrays to be judged for one setting."""

    setting: int
    measured: Measured
    arrays: tuple[ArrayParameters, ...]
    kept: tuple[str, ...]
    target: Target
    limits: Limits


def judge(part: Part, shared: None = None) -> list[Estimate]:
    """The estimates of those that fit."""
    estimator = Estimator(part.measured.shape, part.measured.activity)
    return [
        replace(found, setting=part.setting, accuracy=part.measured.accuracy)
        for array in part.arrays
        for found in estimates(estimator, array, part.kept, part.target, part.limits)
    ]


def _parts(query: Query, measured, workers: int) -> tuple[list[Part], int]:
    every = {
        index: list(arrays(query.space, m.shape, m.widths, query.target))
        for index, m in enumerate(measured)
        if isinstance(m, Measured)
    }
    total = sum(map(len, every.values()))
    size = max(1, -(-total // (SHARES * workers)))
    parts = [
        Part(index, measured[index], chunk, query.space.weights, query.target, query.limits)
        for index, some in every.items()
        for chunk in _chunks(some, size)
    ]
    return parts, total * len(query.space.weights)


def _chunks(some: list[ArrayParameters], size: int) -> Iterator[tuple[ArrayParameters, ...]]:
    return (tuple(some[first : first + size]) for first in range(0, len(some), size))


def _order(e: Estimate) -> tuple:
    """An order that does not depend on who was ready first."""
    a = e.array
    return e.setting, a.planes, a.banks, a.channels, a.drain, e.weights


def _nothing(query: Query, measured: list[Measured], fitting: list[Estimate], count: int) -> str:
    if not count:
        return "the machine has no array of these sizes"
    if fitting:
        best = max(m.accuracy or 0 for m in measured)
        return (
            f"no setting reaches an accuracy of {query.limits.accuracy:g}, the best has {best:.4g}"
        )
    limits = query.limits
    return f"none of {count:,} designs has at most {limits.luts:,} LUTs and {limits.bram36} BRAM36"
