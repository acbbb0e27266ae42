"""The memories of events and pointers, of the array and beside it of the mover."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from snnir.hardware.language.builder import Module, Signal, mux
from snnir.hardware.memories import address_width, ram_1r1w


class Found(NamedTuple):
    """What a memory answers, a clock behind the address: to the array, and to the mover."""

    array: Signal
    mover: Signal


class MapMemory:
    """A memory of one part or, where maps move while the array works, of two.

    Each part has a port to write and a port to read. The mover takes a port of the part that its
    address lies in; that the array does not need it in the same row of the layer table is the
    compiler's word.

    Args:
        depth: addresses.
        half: where the second part begins, a power of two; 0 if there is none.
        first: words of the first part, where there are two.
    """

    def __init__(self, width: int, depth: int, half: int, first: int, read_enable: bool = False):
        self.width, self.half, self.read_enable = width, half, read_enable
        self.depths = (first, depth - half) if half else (depth,)

    def build(
        self,
        m: Module,
        name: str,
        write: Mapping[str, Signal],
        read: Mapping[str, Signal],
        moved: Mapping[str, Signal] | None,
    ) -> Found:
        """Puts the memory in.

        Args:
            write: `we`, `waddr`, `wdata` of the array.
            read: its `raddr`, and `re` where the answer is held.
            moved: of the mover `we`, `waddr`, `wdata`, `reads` and `raddr`; no port for what is not
                there, and None for no mover.
        """
        moved = moved or {}
        answers = []
        for part, depth in enumerate(self.depths):
            address = address_width(depth)
            pins = {key: value for key, value in write.items() if key != "waddr"}
            pins |= {key: value for key, value in read.items() if key != "raddr"}
            pins["we"] = write["we"] & self._mine(write["waddr"], part)
            pins["waddr"], pins["raddr"] = (
                write["waddr"].trunc(address),
                read["raddr"].trunc(address),
            )
            if "we" in moved:
                loads = m.wire(
                    f"{name}{part}_loads", moved["we"] & self._mine(moved["waddr"], part)
                )
                pins["we"] = pins["we"] | loads
                pins["waddr"] = mux(loads, moved["waddr"].trunc(address), pins["waddr"])
                pins["wdata"] = mux(loads, moved["wdata"], pins["wdata"])
            if "reads" in moved:
                reads = m.wire(
                    f"{name}{part}_stores", moved["reads"] & self._mine(moved["raddr"], part)
                )
                pins["raddr"] = mux(reads, moved["raddr"].trunc(address), pins["raddr"])
                if self.read_enable:
                    pins["re"] = pins["re"] | reads
            memory = ram_1r1w(self.width, depth, read_enable=self.read_enable)
            part_name = name if len(self.depths) == 1 else f"{name}{part}"
            answers.append(m.instance(part_name, memory, **pins)["rdata"])
        if not self.half:
            return Found(answers[0], answers[0])
        which = m.pipe(f"{name}_part", read["raddr"].msb, enable=read.get("re"))
        array = mux(which, answers[1], answers[0])
        if "reads" not in moved:
            return Found(array, array)
        which = m.pipe(f"{name}_moved_part", moved["raddr"].msb)
        return Found(array, mux(which, answers[1], answers[0]))

    def _mine(self, address: Signal, part: int) -> Signal:
        """Whether an address lies in a part."""
        if not self.half:
            return address.module.const(1, 1)
        return address.msb if part else ~address.msb
