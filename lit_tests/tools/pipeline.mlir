// Pipelines are read with or without the anchor, with free white space, under three names.
// RUN: snn-opt %s -p canonicalize,cse | filecheck %s
// RUN: snn-opt %s --passes 'canonicalize , cse' | filecheck %s
// RUN: snn-opt %s --pass-pipeline 'builtin.module(canonicalize, cse)' | filecheck %s
// RUN: snn-opt %s --pass-pipeline='builtin.module( canonicalize{}, cse )' | filecheck %s
// RUN: snn-opt < %s --pass-pipeline canonicalize | filecheck %s
// RUN: snn-opt - < %s -p canonicalize -o %t && filecheck %s --input-file %t

// CHECK-LABEL: func.func @fold
// CHECK-NEXT: arith.constant 3 : i32
// CHECK-NEXT: func.return
func.func @fold() -> i32 {
  %one = arith.constant 1 : i32
  %two = arith.constant 2 : i32
  %sum = arith.addi %one, %two : i32
  func.return %sum : i32
}
