"""Files of a new folder, written and hashed beside the work that makes the next ones."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType

from snnir.runtime.build import data_hash


class WrittenFiles:
    """Writes files one after the other in a thread of its own.

    Hashing and writing hundreds of megabytes of IR let other threads go on meanwhile.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._hashes: dict[str, Future[str]] = {}
        self._thread = ThreadPoolExecutor(1)
        self._last: Future[str] | None = None

    def __enter__(self) -> WrittenFiles:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._thread.shutdown(cancel_futures=True)

    @property
    def names(self) -> list[str]:
        return sorted(self._hashes)

    def add(self, name: str, data: bytes) -> None:
        """Write `data` to the file `name` of the folder, when the file before is written.

        Raises:
            OSError: the file before could not be written.
        """
        if self._last is not None:
            self._last.result()
        self._last = self._hashes[name] = self._thread.submit(self._write, name, data)

    def hashes(self) -> dict[str, str]:
        """The hash of each file by its name, when all are written.

        Raises:
            OSError: one could not be written.
        """
        return {name: self._hashes[name].result() for name in self.names}

    def _write(self, name: str, data: bytes) -> str:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return data_hash(data)
