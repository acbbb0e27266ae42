"""The Verilog text of the memory templates of `snnir/hardware/memories.py`, one per shape."""

from collections.abc import Sequence

from snnir.backends.verilog_expressions import bit_range
from snnir.hardware.memories import LUTRAM, RAM, ROM, Memory, address_width
from snnir.schedule.ram_parts import DISTRIBUTED_ROWS, RamPart, ram_parts

_READ = {
    False: "    rdata <= mem[raddr];",
    True: "    if (re) rdata <= mem[raddr];",
}


def memory_text(memory: Memory) -> str:
    """One module: the read comes from the old contents, as every simulator and Xilinx's
    READ_FIRST have it, because both assignments of the clock edge are non-blocking."""
    address, data = (bit_range(n) for n in (address_width(memory.depth), memory.width))
    address, data = (f"{text} " if text else "" for text in (address, data))
    writes = memory.template != ROM
    asynchronous = memory.template == LUTRAM
    ports = ["input  wire clk"]
    if writes:
        ports += ["input  wire we", f"input  wire {address}waddr", f"input  wire {data}wdata"]
    if memory.read_enable:
        ports.append("input  wire re")
    is_cut = memory.template == RAM and memory.style == "block" and memory.init is None
    parts = ram_parts(memory.width, memory.depth) if is_cut else ()
    kind = "wire" if asynchronous or len(parts) > 1 else "reg "
    ports += [f"input  wire {address}raddr", f"output {kind} {data}rdata"]

    lines = [
        f"// {memory.name}: {memory.template}, {memory.depth} rows of {memory.width} bits"
        + (f", contents in {memory.name}.hex" if memory.init is not None else ""),
        f"module {memory.name} (",
        ",\n".join(f"  {port}" for port in ports),
        ");",
    ]
    if len(parts) > 1:
        return "\n".join([*lines, *_in_parts(memory, parts), "endmodule", ""])
    attribute = ""
    style = parts[0].style if parts else _style(memory)
    if style != "auto":
        attribute = f'(* {"ram" if writes else "rom"}_style = "{style}" *) '
    lines.append(f"  {attribute}reg {data}mem [0:{memory.depth - 1}];")
    if memory.init is not None:
        lines.append(f'  initial $readmemh("{memory.name}.hex", mem);')
    lines.append("")
    if asynchronous:
        lines.append("  assign rdata = mem[raddr];")
    body = ["    if (we) mem[waddr] <= wdata;"] if writes else []
    if not asynchronous:
        body.append(_READ[memory.read_enable])
    lines += ["  always @(posedge clk) begin", *body, "  end", "endmodule", ""]
    return "\n".join(lines)


def _style(memory: Memory) -> str:
    """What synthesis should make of it; a table of few rows is left to it, and becomes LUTs.

    Not "distributed": Yosys 0.70 takes that for RAM alone.
    """
    small = memory.template == ROM and memory.depth <= DISTRIBUTED_ROWS
    return "auto" if small and memory.style == "block" else memory.style


def _in_parts(memory: Memory, parts: Sequence[RamPart]) -> list[str]:
    """The body of a RAM that is kept in parts, so that its last rows take no blocks as large.

    All parts are read, and a register says whose row it is.
    """
    data = bit_range(memory.width)
    data = f"{data} " if data else ""
    indent = "    " + ("if (re) " if memory.read_enable else "")
    number = range(len(parts))
    address, select = address_width(memory.depth), address_width(len(parts))
    span = f"{bit_range(select)} " if select > 1 else ""

    def part_of(port: str) -> str:
        """The part in which the row of an address is."""
        lines = []
        for n in reversed(number[1:]):
            # Upper bits alone decide, in a LUT or two: a comparison of all would be a carry chain.
            low = (parts[n].first & -parts[n].first).bit_length() - 1
            lines.append(
                f"{port}[{address - 1}:{low}] >= {address - low}'d{parts[n].first >> low} "
                f"? {select}'d{n}"
            )
        return " :\n      ".join([*lines, f"{select}'d0"])

    def row(n: int, port: str) -> str:
        """Its row there: parts begin at multiples of their rows, rounded up to a power of two."""
        return f"{port}[{address_width(parts[n].rows) - 1}:0]"

    chosen = [f"part == {select}'d{n} ? part{n}_row" for n in number[:-1]]
    chosen.append(f"part{number[-1]}_row")
    return [
        *[
            f'  (* ram_style = "{part.style}" *) reg {data}part{n} [0:{part.rows - 1}];'
            for n, part in enumerate(parts)
        ],
        *[f"  reg {data}part{n}_row;" for n in number],
        f"  reg {span}part;",
        "",
        f"  wire {span}to = {part_of('waddr')};",
        "  assign rdata = " + " :\n      ".join(chosen) + ";",
        "  always @(posedge clk) begin",
        *[
            f"    if (we & to == {select}'d{n}) part{n}[{row(n, 'waddr')}] <= wdata;"
            for n in number
        ],
        *[f"{indent}part{n}_row <= part{n}[{row(n, 'raddr')}];" for n in number],
        f"{indent}part <= {part_of('raddr')};",
        "  end",
    ]
