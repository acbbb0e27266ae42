// RUN: not snn-opt %s -t c 2>&1 | filecheck %s

// CHECK: error: target 'c': C is printed from one pe.program, the module has 0; run tile-to-pe and event-schedule first
builtin.module {}
