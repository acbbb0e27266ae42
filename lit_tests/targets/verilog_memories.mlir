// RUN: snn-opt %s -t verilog | filecheck %s
// RUN: snn-opt %s -t memory | filecheck %s --check-prefix IMAGE

// A memory is an extern that says what it is; it is printed as one module of that shape.
// CHECK-LABEL: // ram_1r1w_re_8x6: ram_1r1w, 6 rows of 8 bits
// CHECK-NEXT:  module ram_1r1w_re_8x6 (
// CHECK:         output reg  [7:0] rdata
// Few rows are kept in LUTs.
// CHECK:         (* ram_style = "distributed" *) reg [7:0] mem [0:5];
// CHECK:         if (we) mem[waddr] <= wdata;
// CHECK-NEXT:    if (re) rdata <= mem[raddr];
hw.module.extern @ram_1r1w_re_8x6(in %clk: !seq.clock, in %we: i1, in %waddr: i3, in %wdata: i8,
                                  in %re: i1, in %raddr: i3, out rdata: i8) attributes
  {snnir.template = "ram_1r1w", snnir.width = 8 : i64, snnir.depth = 6 : i64}

// Blocks of RAM that would lie above each other are parts, and rows that would take a block for
// themselves are kept in LUTs beside them; all answer, and one is chosen.
// CHECK-LABEL: module ram_1r1w_9x8448 (
// CHECK:         (* ram_style = "block" *) reg [8:0] part0 [0:4095];
// CHECK-NEXT:    (* ram_style = "block" *) reg [8:0] part1 [0:4095];
// CHECK-NEXT:    (* ram_style = "distributed" *) reg [8:0] part2 [0:255];
// CHECK:         wire [1:0] to = waddr[13:13] >= 1'd1 ? 2'd2 :
// CHECK-NEXT:        waddr[13:12] >= 2'd1 ? 2'd1 :
// CHECK-NEXT:        2'd0;
// CHECK-NEXT:    assign rdata = part == 2'd0 ? part0_row :
// CHECK-NEXT:        part == 2'd1 ? part1_row :
// CHECK-NEXT:        part2_row;
// CHECK:         if (we & to == 2'd0) part0[waddr[11:0]] <= wdata;
// CHECK-NEXT:    if (we & to == 2'd1) part1[waddr[11:0]] <= wdata;
// CHECK-NEXT:    if (we & to == 2'd2) part2[waddr[7:0]] <= wdata;
// CHECK-NEXT:    part0_row <= part0[raddr[11:0]];
// CHECK-NEXT:    part1_row <= part1[raddr[11:0]];
// CHECK-NEXT:    part2_row <= part2[raddr[7:0]];
// CHECK-NEXT:    part <= raddr[13:13] >= 1'd1 ? 2'd2 :
hw.module.extern @ram_1r1w_9x8448(in %clk: !seq.clock, in %we: i1, in %waddr: i14, in %wdata: i9,
                                  in %raddr: i14, out rdata: i9) attributes
  {snnir.template = "ram_1r1w", snnir.width = 9 : i64, snnir.depth = 8448 : i64}

// Contents are in a file beside the Verilog, one row per line. Synthesis makes LUTs of a few rows.
// CHECK-LABEL: module weights (
// CHECK:         {{^}}  reg [11:0] mem [0:1];
// CHECK-NEXT:    initial $readmemh("weights.hex", mem);
// CHECK-NOT:     we
// CHECK:         rdata <= mem[raddr];
// IMAGE:       @file weights.hex
// IMAGE-NEXT:  a01
// IMAGE-NEXT:  0fe
hw.module.extern @weights(in %clk: !seq.clock, in %raddr: i1, out rdata: i12) attributes
  {snnir.template = "rom", snnir.width = 12 : i64, snnir.depth = 2 : i64,
   snnir.init = dense<[[1, 10], [-2, 0]]> : tensor<2x2xi8>}

// CHECK-LABEL: module more_rows (
// CHECK:         (* rom_style = "block" *) reg [7:0] mem [0:64];
hw.module.extern @more_rows(in %clk: !seq.clock, in %raddr: i7, out rdata: i8) attributes
  {snnir.template = "rom", snnir.width = 8 : i64, snnir.depth = 65 : i64,
   snnir.init = dense<0> : tensor<65x1xi8>}

// A LUTRAM is read in the same clock.
// CHECK-LABEL: module lutram_1r1w_4x16 (
// CHECK:         output wire [3:0] rdata
// CHECK:         (* ram_style = "distributed" *) reg [3:0] mem [0:15];
// CHECK:         assign rdata = mem[raddr];
hw.module.extern @lutram_1r1w_4x16(in %clk: !seq.clock, in %we: i1, in %waddr: i4, in %wdata: i4,
                                   in %raddr: i4, out rdata: i4) attributes
  {snnir.template = "lutram_1r1w", snnir.width = 4 : i64, snnir.depth = 16 : i64}

// Other externs are supplied from elsewhere.
// CHECK-NOT: vendor_ip
hw.module.extern @vendor_ip(in %clk: !seq.clock)
