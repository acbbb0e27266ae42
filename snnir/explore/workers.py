"""Where candidates are worked on: here, in processes of this machine, or on a Dask cluster."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import Any, Protocol

from snnir.errors import UserError
from snnir.runtime.progress import silence

PATIENCE = 10
"""Seconds until a scheduler that does not answer is given up [s]."""


class Workers(Protocol):
    """Calls a function on items, many at once, with something that all calls share."""

    count: int
    """How many items are worked on at a time."""

    remote: bool
    """Whether the files of this machine may be out of reach."""

    def run(
        self, function: Callable, items: Sequence, shared: Any = None
    ) -> Iterator[tuple[int, Any]]:
        """(index, function(item, shared)) of each item, as they come."""

    def close(self) -> None: ...


def open_workers(where: int | str) -> Workers:
    """So many processes, or the workers of a Dask scheduler at an address.

    Raises:
        UserError: Dask is missing, or the scheduler does not answer.
    """
    if isinstance(where, str):
        return Cluster(where)
    return Here() if where == 1 else Processes(where)


class Here:
    """This process."""

    count, remote = 1, False

    def run(self, function, items, shared=None):
        for index, item in enumerate(items):
            yield index, function(item, shared)

    def close(self) -> None:
        """Nothing was opened."""


class Processes:
    """Processes that start anew instead of copying this one, as on every system."""

    remote = False

    def __init__(self, count: int):
        self.count = count
        self.pool = ProcessPoolExecutor(count, get_context("spawn"), silence)

    def run(self, function, items, shared=None):
        futures = {self.pool.submit(function, item, shared): i for i, item in enumerate(items)}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        except BrokenProcessPool:
            raise UserError(
                "a worker process has ended, perhaps for want of memory",
                where="--workers",
                hint="use fewer workers",
            ) from None

    def close(self) -> None:
        self.pool.shutdown(cancel_futures=True)


class Cluster:
    """The workers of a Dask scheduler; they need this package, and no files of this machine."""

    remote = True

    def __init__(self, address: str):
        try:
            from distributed import Client
        except ImportError:
            raise UserError(
                "dask.distributed is not installed",
                where="--workers",
                hint="pip install 'snnir[cluster]', or give a number of processes",
            ) from None
        self.address = address
        with _quiet():
            try:
                self.client = Client(address, timeout=PATIENCE, set_as_default=False)
            except (OSError, ValueError, TypeError) as error:
                raise UserError(
                    f"no Dask scheduler answers there ({_first_line(error)})",
                    where=f"--workers {address}",
                    hint="start one with 'dask scheduler'",
                ) from None
        self.count = sum(self.client.nthreads().values())
        if not self.count:
            self.close()
            raise UserError(
                "the scheduler has no workers",
                where=f"--workers {address}",
                hint=f"start some with 'dask worker {address}'",
            )

    def run(self, function, items, shared=None):
        from distributed import as_completed as completed

        futures = {}
        try:
            # What all calls share crosses the network once for each worker.
            common = None if shared is None else self.client.scatter(shared, hash=False)
            for index, item in enumerate(items):
                task = self.client.submit(function, item, common, pure=False)
                futures[task.key] = (index, task)
            tasks = [task for _, task in futures.values()]
            for task in completed(tasks, loop=self.client.loop):
                yield futures[task.key][0], task.result()
        except UserError:
            raise
        except Exception as error:
            raise UserError(
                f"the cluster failed: {type(error).__name__}: {_first_line(error)}",
                where=f"--workers {self.address}",
                hint="its workers need the same version of snnir and its requirements",
            ) from error

    def close(self) -> None:
        with _quiet():
            self.client.close()


class _quiet:
    """Keeps the complaints of Dask's own loggers off the terminal."""

    def __enter__(self) -> None:
        import logging

        self.logger = logging.getLogger("distributed")
        self.level = self.logger.level
        self.logger.setLevel(logging.CRITICAL)

    def __exit__(self, *_) -> None:
        self.logger.setLevel(self.level)


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
