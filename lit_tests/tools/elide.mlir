// Large constants are left out for people; what is printed in full can be parsed again.
// RUN: snn-opt %s --elide | filecheck %s --check-prefix ELIDED
// RUN: snn-opt %s | snn-opt | filecheck %s --check-prefix FULL
// RUN: snn-opt %s -p cse --print-between-passes 2>&1 >/dev/null | filecheck %s --check-prefix ELIDED

// ELIDED: %small = arith.constant dense<[1, 2, 3, 4]> : tensor<4xi8>
// ELIDED: %large = arith.constant dense_resource<__elided__> : tensor<40xi8>
// ELIDED: %hex = arith.constant dense_resource<__elided__> : tensor<104xi8>
// ELIDED: %same = arith.constant dense_resource<__elided__> : tensor<104xi8>
// FULL: %small = arith.constant dense<[1, 2, 3, 4]> : tensor<4xi8>
// FULL: %large = arith.constant dense<[0, 1, 2, 3, {{.*}}39]> : tensor<40xi8>
// FULL: %hex = arith.constant dense<"0x0001020304050607{{[0-9A-F]*}}"> : tensor<104xi8>
// FULL: %same = arith.constant dense<7> : tensor<104xi8>
func.func @constants() {
  %small = arith.constant dense<[1, 2, 3, 4]> : tensor<4xi8>
  %large = arith.constant dense<[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39]> : tensor<40xi8>
  %hex = arith.constant dense<"0x00010203040506070001020304050607000102030405060700010203040506070001020304050607000102030405060700010203040506070001020304050607000102030405060700010203040506070001020304050607000102030405060700010203040506FF"> : tensor<104xi8>
  %same = arith.constant dense<7> : tensor<104xi8>
  "test.op"(%small, %large, %hex, %same) : (tensor<4xi8>, tensor<40xi8>, tensor<104xi8>, tensor<104xi8>) -> ()
  func.return
}
