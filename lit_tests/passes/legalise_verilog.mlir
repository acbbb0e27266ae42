// RUN: snn-opt %s -p legalise-verilog | filecheck %s
// RUN: snn-opt %s -p 'legalise-verilog{max_length=20}' | filecheck %s --check-prefix SHORT
// RUN: snn-opt %s -p legalise-verilog,legalise-verilog | filecheck %s

// Nets get the attribute sv.namehint.  The sum needs one, since a part of it is selected; the
// complement is written where it is used.  What feeds a register is called after it.
// CHECK-LABEL: hw.module @nets
hw.module @nets(in %clk: !seq.clock, in %a: i8, in %b: i8, out high: i4, out q: i8) {
  // CHECK: %state = seq.compreg %{{.*}}, %clk {sv.namehint = "state"} : i8
  // CHECK: [[SUM:%.*]] = comb.add %a, %b {sv.namehint = "add"} : i8
  // CHECK: comb.extract [[SUM]] from 4 {{.*}} -> i4
  // CHECK: comb.xor %a, %{{.*}} : i8
  %state = seq.compreg %masked, %clk : i8
  %sum = comb.add %a, %b : i8
  %0 = comb.add %a, %b : i8
  %high = comb.extract %0 from 4 : (i8) -> i4
  %ones = hw.constant -1 : i8
  %not = comb.xor %a, %ones : i8
  %masked = comb.and %not, %b : i8
  // Bits that nothing reads are read by one net that linters know as intended.
  // CHECK: [[LOW:%.*]] = comb.extract [[SUM]] from 0 {{.*}} -> i4
  // CHECK: comb.concat [[LOW]] {sv.namehint = "_unused"} : i4
  hw.output %high, %state : i4, i8
}

// A register that keeps its value does not read it.
// CHECK-LABEL: hw.module @enabled
hw.module @enabled(in %clk: !seq.clock, in %enable: i1, in %a: i8, out high: i4) {
  // CHECK: %held = seq.compreg
  // CHECK: [[LOW:%.*]] = comb.extract %held from 0 {{.*}} -> i4
  // CHECK: comb.concat [[LOW]] {sv.namehint = "_unused"} : i4
  %held = seq.compreg %0, %clk : i8
  %0 = comb.mux %enable, %a, %held : i8
  %high = comb.extract %held from 4 : (i8) -> i4
  hw.output %high : i4
}

// Names become legal and unique; one that is an output's belongs to the driver of that output.
// CHECK-LABEL: hw.module @names
hw.module @names(in %a: i4, in %b: i4, out total: i4, out other: i4) {
  // CHECK-DAG: comb.add %a, %b {sv.namehint = "total"} : i4
  // CHECK-DAG: comb.sub %a, %b {sv.namehint = "reg_"} : i4
  // CHECK-DAG: comb.and %{{.*}}, %b {sv.namehint = "a_2"} : i4
  // CHECK-DAG: comb.or %{{.*}}, %a {sv.namehint = "other_2"} : i4
  %total = comb.add %a, %b : i4
  %reg = comb.sub %a, %b : i4
  %1 = comb.and %reg, %b {sv.namehint = "a"} : i4
  %other = comb.or %1, %a : i4
  %2 = comb.xor %other, %a : i4
  hw.output %total, %2 : i4, i4
}

// Operands come first; what has no effect is removed, registers that only feed themselves too.
// CHECK-LABEL: hw.module @order
hw.module @order(in %clk: !seq.clock, in %a: i4, out y: i4) {
  // CHECK-NOT: seq.compreg
  // CHECK: %early = comb.mul %a, %a
  // CHECK-NEXT: %late = comb.add %early, %a
  %late = comb.add %early, %a : i4
  %early = comb.mul %a, %a : i4
  %lost = seq.compreg %next, %clk : i4
  %next = comb.add %lost, %a : i4
  hw.output %late : i4
}

// An expression that would grow too long is split at its longest operands.
// CHECK-LABEL: hw.module @long
// SHORT-LABEL: hw.module @long
hw.module @long(in %first: i8, in %second: i8, out y: i8) {
  // CHECK: comb.mul %first, %second : i8
  // SHORT: comb.mul %first, %second {sv.namehint = "mul"} : i8
  %0 = comb.mul %first, %second : i8
  %1 = comb.sub %first, %0 : i8
  hw.output %1 : i8
}

// Instances and their outputs have names of their own, which wires may not take.
// CHECK-LABEL: hw.module @instances
hw.module @instances(in %a: i8, in %b: i8, out y: i8) {
  // CHECK: hw.instance "u" @long
  // CHECK: comb.add %{{.*}}, %a {sv.namehint = "u_y_2"} : i8
  %0 = hw.instance "u" @long(first: %a: i8, second: %b: i8) -> (y: i8)
  %u_y = comb.add %0, %a : i8
  hw.output %u_y : i8
}
