"""Work on parts of arrays in threads: numpy lets go of Python's lock while it computes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor


def for_parts(work: Callable[[slice], None], total: int, size: int) -> None:
    """Calls `work` for slices of `size` of 0..total, on all cores.

    The slices do not depend on the number of cores, so neither does what is computed.
    """
    parts = list(_parts(total, size))
    if len(parts) == 1:
        work(parts[0])
        return
    with ThreadPoolExecutor(min(len(parts), os.cpu_count() or 1)) as threads:
        list(threads.map(work, parts))


def _parts(total: int, size: int) -> Iterator[slice]:
    for first in range(0, total, size):
        yield slice(first, min(first + size, total))
