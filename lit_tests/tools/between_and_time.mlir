// What is said about a run goes to stderr; stdout holds the program alone.
// RUN: snn-opt %s -p canonicalize,cse --print-between-passes --time-passes 2>/dev/null | snn-opt | filecheck %s --check-prefix OUT
// RUN: snn-opt %s -p canonicalize,cse --print-between-passes --time-passes 2>&1 >/dev/null | filecheck %s --check-prefix ERR

// OUT-NOT: IR after
// OUT: func.func @nothing
// ERR: // ---- IR after canonicalize
// ERR: func.func @nothing
// ERR: // ---- IR after cse
// ERR: (read)
// ERR: {{[0-9]+\.[0-9]+}} s  canonicalize
// ERR: {{[0-9]+\.[0-9]+}} s  cse
// ERR: (print)
func.func @nothing() {
  func.return
}
