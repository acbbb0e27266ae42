// RUN: snn-opt %s -t verilog | filecheck %s

// A counter: one always block, reset before all else, the mux that keeps the value is an enable.
// CHECK:      // counter: Counts while enabled.
// CHECK-NEXT: module counter (
// CHECK-NEXT:   input  wire       clk,
// CHECK-NEXT:   input  wire       rst,
// CHECK-NEXT:   input  wire       en,
// CHECK-NEXT:   output reg  [7:0] count
// CHECK-NEXT: );
// CHECK:        always @(posedge clk) begin
// CHECK-NEXT:     if (rst) begin
// CHECK-NEXT:       count <= 8'd0;
// CHECK-NEXT:     end else begin
// CHECK-NEXT:       if (en) count <= count + 8'd1;
// CHECK-NEXT:     end
// CHECK-NEXT:   end
// CHECK-NEXT: endmodule
hw.module @counter(in %clk: !seq.clock, in %rst: i1, in %en: i1, out count: i8)
    attributes {comment = "Counts while enabled."} {
  %zero = hw.constant 0 : i8
  %one = hw.constant 1 : i8
  %count = seq.compreg %1, %clk reset %rst, %zero : i8
  %0 = comb.add %count, %one : i8
  %1 = comb.mux %en, %0, %count : i8
  hw.output %count : i8
}

// Each operator has one form; operands that bind less tightly stand in parentheses.
// CHECK-LABEL: module operators
hw.module @operators(in %a: i8, in %b: i8, in %c: i1, out y: i8) {
  %ones = hw.constant -1 : i8
  %low = hw.constant -128 : i8
  %three = hw.constant 3 : i8
  %minus = hw.constant -5 : i8
  // CHECK: wire [7:0] arithmetic = a + b + (a - (b * a));
  %0 = comb.mul %b, %a : i8
  %1 = comb.sub %a, %0 : i8
  %arithmetic = comb.add %a, %b, %1 : i8
  // CHECK: wire [7:0] logic_ = ~a & (b | a) & (a ^ 8'd3);
  %2 = comb.xor %a, %ones : i8
  %3 = comb.or %b, %a : i8
  %4 = comb.xor %a, %three : i8
  %logic = comb.and %2, %3, %4 : i8
  // CHECK: wire less = $signed(a) < -8'sd5;
  %less = comb.icmp slt %a, %minus : i8
  // CHECK: wire above = $signed(b) > $signed(8'd128);
  %above = comb.icmp sgt %b, %low : i8
  // CHECK: wire unsigned_ = a <= b;
  %unsigned = comb.icmp ule %a, %b : i8
  // $unsigned keeps the expression around it from making the shift a logical one.
  // CHECK: wire [7:0] shifts = $unsigned($signed(a) >>> 3) + (b << 8) + (a >> b);
  %5 = comb.shrs %a, %three : i8
  %6 = comb.shl %b, %low : i8
  %7 = comb.shru %a, %b : i8
  %shifts = comb.add %5, %6, %7 : i8
  // CHECK: wire [7:0] chain = c ? a : less ? b : 8'd3;
  %8 = comb.mux %less, %b, %three : i8
  %chain = comb.mux %c, %a, %8 : i8
  // CHECK: wire [15:0] wide = {{.}}{3{c}}, a[7:4], b[7], above, unsigned_, a[5:0]};
  %9 = comb.replicate %c : (i1) -> i3
  %10 = comb.extract %a from 4 : (i8) -> i4
  %11 = comb.extract %b from 7 : (i8) -> i1
  %12 = comb.extract %a from 0 : (i8) -> i6
  %13 = comb.concat %above, %unsigned, %12 : i1, i1, i6
  %wide = comb.concat %9, %10, %11, %13 : i3, i4, i1, i8
  %14 = comb.extract %wide from 8 : (i16) -> i8
  %y = comb.or %arithmetic, %logic, %shifts, %chain, %14 : i8
  // CHECK: assign y = arithmetic | logic_ | shifts | chain | wide[15:8];
  hw.output %y : i8
}

// Registers without reset come first, then each reset; power-on values are initial statements.
// CHECK-LABEL: module registers
// CHECK:       reg started;
// CHECK:       initial started = 1'd1;
// CHECK:       always @(posedge clk) begin
// CHECK-NEXT:    started <= r;
// CHECK-NEXT:    if (!c) held <= r;
// CHECK-NEXT:    if (r) begin
// CHECK-NEXT:      cleared <= 1'd0;
// CHECK-NEXT:    end else begin
// CHECK-NEXT:      cleared <= started;
hw.module @registers(in %clk: !seq.clock, in %r: i1, in %c: i1, out y: i1, out z: i1) {
  %zero = hw.constant 0 : i1
  %one = hw.constant 1 : i1
  %cleared = seq.compreg %started, %clk reset %r, %zero : i1
  %started = seq.compreg %r, %clk powerOn %one : i1
  %held = seq.compreg %0, %clk : i1
  %0 = comb.mux %c, %held, %r : i1
  hw.output %cleared, %held : i1, i1
}

// Outputs of instances are wires INSTANCE_PORT; inputs may be expressions.
// CHECK-LABEL: module top
// CHECK:       wire [7:0] u_count_count;
// CHECK:       counter u_count (
// CHECK-NEXT:    .clk(clk),
// CHECK-NEXT:    .rst(rst),
// CHECK-NEXT:    .en(a & ~rst),
// CHECK-NEXT:    .count(u_count_count)
// CHECK-NEXT:  );
// CHECK:       assign value = u_count_count;
hw.module @top(in %clk: !seq.clock, in %rst: i1, in %a: i1, out value: i8) {
  %true = hw.constant true
  %0 = comb.xor %rst, %true : i1
  %1 = comb.and %a, %0 : i1
  %2 = hw.instance "u_count" @counter(clk: %clk: !seq.clock, rst: %rst: i1, en: %1: i1) -> (count: i8)
  hw.output %2 : i8
}
