// Expected errors stand beside the lines that cause them; parse, verifier and order errors count.
// RUN: snn-opt %s --split-input-file --verify-diagnostics | filecheck %s

// CHECK: func.func @valid
func.func @valid() {
  func.return
}

// -----

func.func @wrong_return() -> i32 {
  func.return // expected-error {{'func.return': Expected arguments to have the same types}}
}

// -----

func.func @no_such_operation() {
  // expected-error @below {{unknown operation 'arith.subbi'; did you mean 'arith.subi'?}}
  arith.subbi
}

// -----

"test.op"(%late) : (i32) -> ()
// expected-error @above {{operand 0 (%late) is used before it is defined}}
%late = "test.op"() : () -> i32

// -----

// expected-error @+1 {{operand expected}}
"test.op"(3)
