"""Tables as C text: rows of integers, and megabytes of weights as string literals."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

import numpy as np

WEIGHT_ROW = 1024
"""Bytes of a row of the weights' array: C99 promises string literals of 4095 characters."""


def table(declaration: str, rows: Iterable[Sequence[int]], notes: Iterable[str] = ()) -> str:
    """A table of structs or of rows, one per line, each with an optional comment."""
    notes = list(notes)
    lines = []
    for index, row in enumerate(rows):
        body = "    {" + ", ".join(map(str, row)) + "},"
        note = f" /* {comment(notes[index])} */" if index < len(notes) and notes[index] else ""
        lines += textwrap.wrap(body, 100, subsequent_indent="     ") if not note else [body + note]
    return "\n".join([f"{declaration} = {{", *lines, "};\n"])


def strings(declaration: str, values: Iterable[str]) -> str:
    """A list of string constants."""
    lines = [f"    {string(value)}," for value in values]
    return "\n".join([f"{declaration} = {{", *lines, "};\n"])


def string(value: str) -> str:
    """A string literal; what is not plain ASCII is escaped byte by byte."""
    text = "".join(
        chr(byte) if 32 <= byte < 127 and byte not in b'"\\?' else f"\\{byte:03o}"
        for byte in value.encode()
    )
    return f'"{text}"'


def comment(value: str) -> str:
    """Text that can stand inside of a C comment."""
    return value.replace("*/", "* /").replace("/*", "/ *").replace("\n", " ")


def _escapes() -> tuple[np.ndarray, np.ndarray]:
    """The text of each byte in a string literal, (256, 4), and which of the four are used.

    Octal digits are always escaped, so that no escape before them needs its three digits; `?` is,
    so that there are no trigraphs.
    """
    text = np.zeros((256, 4), np.uint8)
    for byte in range(256):
        plain = 32 <= byte < 127 and chr(byte) not in '01234567"\\?'
        characters = bytes([byte]) if plain else f"\\{byte:o}".encode()
        text[byte, : len(characters)] = list(characters)
    return text, text != 0


def weight_rows(weights: np.ndarray) -> str:
    """The bytes of an int8 array as string literals of WEIGHT_ROW bytes each.

    A compiler reads a string many times faster than as many numbers.
    """
    flat = np.ascontiguousarray(weights).reshape(-1).view(np.uint8)
    text, used = _escapes()
    parts = []
    # Whole rows at a time, as many as keep the intermediate arrays small.
    for start in range(0, flat.size, WEIGHT_ROW << 10):
        part = flat[start : start + (WEIGHT_ROW << 10)]
        letters = text[part][used[part]].tobytes().decode()
        ends = np.cumsum(used.sum(1)[part])[WEIGHT_ROW - 1 :: WEIGHT_ROW].tolist()
        first = 0
        for end in (*ends, len(letters)):
            if end > first:
                parts.append(f'    {{"{letters[first:end]}"}}')
            first = end
    return ",\n".join(parts)


def image_word(levels: Sequence[int]) -> str:
    """The function from a byte of the image to the word that is taken of it.

    With levels that is a train that has a spike where the step's level is below the pixel.
    """
    head = "/* What is taken of a byte of the image. */\n"
    if not levels:
        body = "{\n    return byte;\n}\n\n"
        return f"{head}static inline uint32_t image_word(uint8_t byte)\n{body}"
    words = [0] * 256
    for level in levels:
        words = [word << 1 | (pixel > level) for pixel, word in enumerate(words)]
    rows = ["        " + ", ".join(map(str, words[at : at + 16])) + "," for at in range(0, 256, 16)]
    lines = [
        "static inline uint32_t image_word(uint8_t byte)",
        "{",
        "    static const uint16_t words[256] = {",
        *rows,
        "    };",
        "    return words[byte];",
        "}\n\n",
    ]
    return head + "\n".join(lines)
