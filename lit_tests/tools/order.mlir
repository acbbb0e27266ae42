// Registers feed back in hw.module; everywhere else a value is defined before it is used.
// RUN: snn-opt %s --split-input-file --verify-diagnostics | filecheck %s

// CHECK: hw.module @counter
hw.module @counter(in %clk: !seq.clock, out count: i4) {
  %next = comb.add %count, %one : i4
  %count = seq.compreg %next, %clk : i4
  %one = hw.constant 1 : i4
  hw.output %count : i4
}

// -----

func.func @late() {
  "test.op"(%v) : (i32) -> () // expected-error {{is used before it is defined}}
  %v = "test.op"() : () -> i32
  func.return
}

// -----

func.func @inside_itself() {
  %v = "test.op"() ({
    "test.op"(%v) : (i32) -> () // expected-error {{is used inside of the operation that defines it}}
    "test.termop"() : () -> ()
  }) : () -> i32
  func.return
}

// -----

// CHECK: func.func @dominated
func.func @dominated(%c: i1) {
  %v = "test.op"() : () -> i32
  cf.cond_br %c, ^bb1, ^bb2
^bb1:
  "test.op"(%v) : (i32) -> ()
  cf.br ^bb2
^bb2:
  func.return
}

// -----

func.func @not_dominated(%c: i1) {
  cf.cond_br %c, ^bb1, ^bb2
^bb1:
  %v = "test.op"() : () -> i32
  cf.br ^bb2
^bb2:
  "test.op"(%v) : (i32) -> () // expected-error {{is used outside of the scope that defines it}}
  func.return
}
