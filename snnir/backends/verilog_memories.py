"""The Verilog text of the memory templates of `snnir/hardware/memories.py`, one per shape."""

from snnir.backends.verilog_expressions import bit_range
from snnir.hardware.memories import LUTRAM, ROM, Memory, address_width

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
    kind = "wire" if asynchronous else "reg "
    ports += [f"input  wire {address}raddr", f"output {kind} {data}rdata"]

    lines = [
        f"// {memory.name}: {memory.template}, {memory.depth} rows of {memory.width} bits"
        + (f", contents in {memory.name}.hex" if memory.init is not None else ""),
        f"module {memory.name} (",
        ",\n".join(f"  {port}" for port in ports),
        ");",
    ]
    attribute = ""
    if memory.style != "auto":
        attribute = f'(* {"ram" if writes else "rom"}_style = "{memory.style}" *) '
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
