"""Reading and writing of files by the tools: nothing is ever left half-written."""

import os
import sys

from snnir.errors import UserError

STDIN_NAME = "<stdin>"


def read_text(path: str | None) -> str:
    """The text of a file, or of stdin for None and `-`.

    Raises:
        UserError: where it is not UTF-8 text.
        OSError: where it cannot be read.
    """
    try:
        if path is None or path == "-":
            return sys.stdin.buffer.read().decode()
        with open(path, "rb") as file:
            return file.read().decode()
    except UnicodeDecodeError as error:
        raise UserError(
            f"not a text file (byte {error.start} is not UTF-8)",
            where=STDIN_NAME if path in (None, "-") else path,
            hint="give .mlir text, or a network as a file that ends in .onnx",
        ) from error


def write_text(path: str | None, text: str) -> None:
    """Write to stdout (None or `-`) or to a file, which appears whole or not at all."""
    if path is None or path == "-":
        sys.stdout.write(text)
    else:
        write_bytes(path, text.encode())


def write_bytes(path: str, data: bytes) -> None:
    """Write a file, which appears whole or not at all.

    Raises:
        UserError: where it cannot be written.
    """
    path = os.path.realpath(path)
    if os.path.exists(path) and not os.path.isfile(path):
        # A device or pipe must be written to and cannot be replaced; a directory says so itself.
        with open(path, "wb") as file:
            file.write(data)
        return
    temporary = f"{path}.{os.getpid()}.tmp"
    try:
        with open(temporary, "xb") as file:
            file.write(data)
        os.replace(temporary, path)
    except OSError as error:
        raise UserError(f"cannot write: {error.strerror}", where=path) from error
    finally:
        if os.path.exists(temporary):
            os.unlink(temporary)
