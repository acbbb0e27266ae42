// RUN: snn-opt %s -p convert-pe-to-hw --split-input-file --verify-diagnostics
// RUN: not snn-opt %s -p 'convert-pe-to-hw{topp=x}' 2>&1 | filecheck %s --check-prefix OPTION
// OPTION: topp
// RUN: not snn-opt %s -p 'convert-pe-to-hw{lanes=xc8}' --split-input-file 2>&1 | filecheck %s --check-prefix LANES
// LANES: there are no lanes 'xc8'
// RUN: not snn-opt %S/convert_pe_to_hw.mlir -p 'convert-pe-to-hw{machine=auto}' 2>&1 | filecheck %s --check-prefix CHIP
// CHIP: pe.program @net: error: pass 'convert-pe-to-hw': a machine for many programs takes its weights from DDR
// RUN: not snn-opt %S/convert_pe_to_hw.mlir -p 'convert-pe-to-hw{machine=nowhere.json}' 2>&1 | filecheck %s --check-prefix FILE
// FILE: nowhere.json: error: {{.*}}cannot read the machine: No such file or directory
// RUN: not snn-opt %S/convert_pe_to_hw.mlir -p 'convert-pe-to-hw{machine=%s}' 2>&1 | filecheck %s --check-prefix TEXT
// TEXT: it is no machine file

// expected-error @unknown {{the module has 0 pe.program, hardware is made from exactly one}}

// -----

// Nothing is scheduled.
pe.program @net array #pe.array<banks = 1, channels = 1, planes = 1, weight_bits = 2, acc_bits = 4, membrane_bits = 4, fifo = 2, drain = 1> {
  // expected-error @below {{the image has no address}}
  %x = pe.receive bits 1 : !pe.map<1x1x1, direct, 1, block 1, pitch 1>
  %v = pe.layer "out" with @sum steps 1 pixels [1, 1] {
    pe.tile channels [0, 1] params {} {
      pe.stream %x bounds [1, 1] advance 1 runs dense<[[0, 0, 0, 1, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<1x1x1xi8> : !pe.map<1x1x1, direct, 1, block 1, pitch 1>
    }
  } : !pe.potentials<1x1x1>
  pe.send %v : !pe.potentials<1x1x1>
}

// -----

// Its neuron is missing.
// expected-error @unknown {{neuron @sum is not defined}}
pe.program @net array #pe.array<banks = 1, channels = 1, planes = 1, weight_bits = 2, acc_bits = 4, membrane_bits = 4, fifo = 2, drain = 1> {
  %x = pe.receive bits 1 places [#pe.place<events = 0, capacity = 1, pointers = 0>] : !pe.map<1x1x1, direct, 1, block 1, pitch 1>
  %v = pe.layer "out" with @sum steps 1 pixels [1, 1] {
    pe.tile channels [0, 1] weights_at 0 params_at 0 params {} {
      pe.stream %x bounds [1, 1] advance 1 runs dense<[[0, 0, 0, 1, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<1x1x1xi8> : !pe.map<1x1x1, direct, 1, block 1, pitch 1>
    }
  } : !pe.potentials<1x1x1>
  pe.send %v : !pe.potentials<1x1x1>
}

// -----

// The hardware takes bytes.
// expected-error @unknown {{the image has 9 bits per pixel, the hardware takes bytes}}
snn.neuron @sum none state ["v"] params [] start {
  %zero = arith.constant 0 : i64
  snn.yield %zero : i64
} integrate {
^bb0(%v: i64, %i: i64):
  %next = arith.addi %v, %i : i64
  snn.yield %next : i64
} settle {
^bb0(%v: i64):
  snn.yield %v : i64
} fire {
^bb0(%v: i64, %left: i64):
  %never = arith.constant false
  snn.yield %v, %never : i64, i1
}
pe.program @net array #pe.array<banks = 1, channels = 1, planes = 9, weight_bits = 2, acc_bits = 4, membrane_bits = 4, fifo = 2, drain = 1> {
  %x = pe.receive bits 9 places [#pe.place<events = 0, capacity = 1, pointers = 0>] : !pe.map<1x1x1, direct, 9, block 1, pitch 1>
  %v = pe.layer "out" with @sum steps 1 pixels [1, 1] {
    pe.tile channels [0, 1] weights_at 0 params_at 0 params {} {
      pe.stream %x bounds [1, 1] advance 1 runs dense<[[0, 0, 0, 1, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<1x1x1xi8> : !pe.map<1x1x1, direct, 9, block 1, pitch 1>
    }
  } : !pe.potentials<1x1x1>
  pe.send %v : !pe.potentials<1x1x1>
}
