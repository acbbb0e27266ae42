// Parts are parsed and run alone, and printed with the same marks between them.
// RUN: snn-opt %s --split-input-file -p canonicalize | filecheck %s

// CHECK: func.func @same_name
func.func @same_name() {
  func.return
}

// CHECK: // -----

// -----

// CHECK: func.func @same_name
func.func @same_name() {
  func.return
}
