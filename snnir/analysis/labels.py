"""Layer names that a person recognises, made from what ONNX files call weights and nodes."""

from __future__ import annotations

import re
from collections.abc import Sequence

_SUFFIX = re.compile(r"(^|[._/:])(weights?|kernel|bias|running_\w+|w|b)(_\w*)?$", re.IGNORECASE)
_GENERIC = re.compile(
    r"(node_?)?(conv|convolution|gemm|matmul|dense|add|plus|times|relu|maxpool|averagepool|pooling|"
    r"parameter|initiali[sz]er|onnx|constant|const|val|getitem|w|weight)?_?\d*(_reshape\d*)?",
    re.IGNORECASE,
)


def readable(name: str | None) -> str | None:
    """`layer1.0.conv1.weight` -> `layer1.0.conv1`; None for a name that says nothing."""
    if not name:
        return None
    parts = [p for p in re.split(r"[./:]+", _SUFFIX.sub("", name)) if p]
    parts = [re.sub(r"\W+", "_", p) for p in parts]
    if all(p.isdigit() for p in parts):
        return "layer" + ".".join(parts) if parts and "." in name else None
    if (
        len(parts) == 1
        and _GENERIC.fullmatch(parts[0])
        and not re.fullmatch(r"conv\d+", parts[0], re.IGNORECASE)
    ):
        return None
    if all(_GENERIC.fullmatch(p) for p in parts) and len(parts) > 1 and parts[0] == "onnx":
        return None
    text = ".".join(parts)
    return text if text[0].isalpha() else f"layer{text}"


def common_parent(labels: Sequence[str]) -> str | None:
    """The dotted prefix that all labels share: `layer1.0` of `layer1.0.conv2`, `layer1.0.short`."""
    paths = [label.split(".")[:-1] for label in labels]
    shared: list[str] = []
    for parts in zip(*paths, strict=False):
        if len(set(parts)) > 1:
            break
        shared.append(parts[0])
    return ".".join(shared) or None


class Labels:
    """Hands out labels, each once."""

    def __init__(self) -> None:
        self.taken = {"input"}
        self.counters: dict[str, int] = {}

    def unique(self, label: str) -> str:
        tries = (label if n == 1 else f"{label}_{n}" for n in range(1, len(self.taken) + 2))
        found = next(name for name in tries if name not in self.taken)
        self.taken |= {found, f"{found}.pool"}
        return found

    def numbered(self, kind: str) -> str:
        """`conv1`, `conv2`, ... for layers without a name of their own; not yet made unique."""
        self.counters[kind] = self.counters.get(kind, 0) + 1
        return f"{kind}{self.counters[kind]}"
