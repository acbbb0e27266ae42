// RUN: %roundtrip
// RUN: snn-opt %s --print-op-generic | snn-opt | filecheck %s
// RUN: snn-opt %s --print-op-generic | filecheck %s --check-prefix GENERIC

// CHECK-LABEL: func.func @add
// CHECK: %s = arith.addi %a, %b : i32
// GENERIC: %s = "arith.addi"(%a, %b)
func.func @add(%a: i32, %b: i32) -> i32 {
  %s = arith.addi %a, %b : i32
  func.return %s : i32
}
