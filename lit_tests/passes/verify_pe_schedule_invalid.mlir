// RUN: snn-opt %s -p verify-pe-schedule --split-input-file --verify-diagnostics

// expected-error @unknown {{no pe.program to verify; run tile-to-pe first}}

// -----

// event-schedule has not run.
snn.neuron @keep none state ["v"] params [] start {
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
// expected-error @below {{the program has no addresses yet}}
pe.program @net array #pe.array<banks = 2, channels = 1, planes = 4, weight_bits = 2, acc_bits = 8, membrane_bits = 11, fifo = 4, drain = 1> {
  %high, %low = pe.receive bits 8 places [#pe.place<events = 0, capacity = 1, pointers = 0>, #pe.place<events = 2, capacity = 1, pointers = 4>] : !pe.map<1x2x2, direct, 4, block 1, pitch 1>, !pe.map<1x2x2, direct, 4, block 1, pitch 1>
  %v = pe.layer "out" with @keep steps 8 pixels [1, 1] {
    pe.tile channels [0, 1] params {} {
      pe.stream %high shift 4 bounds [2, 2] advance 0 runs dense<[[0, 0, 0, 2, 0], [0, 1, 0, 2, 0]]> : tensor<2x5xi32> weights dense<1> : tensor<2x1x1xi8> : !pe.map<1x2x2, direct, 4, block 1, pitch 1>
      pe.stream %low bounds [2, 2] advance 0 runs dense<[[0, 0, 0, 2, 0], [0, 1, 0, 2, 0]]> : tensor<2x5xi32> weights dense<1> : tensor<2x1x1xi8> : !pe.map<1x2x2, direct, 4, block 1, pitch 1>
    }
  } : !pe.potentials<1x1x1>
  pe.send %v : !pe.potentials<1x1x1>
}

// -----

// The words of the image lie one upon the other.
snn.neuron @keep none state ["v"] params [] start {
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
// expected-error @below {{are needed at the same time, but their events overlap at address 1}}
pe.program @net array #pe.array<banks = 2, channels = 1, planes = 4, weight_bits = 2, acc_bits = 8, membrane_bits = 11, fifo = 4, drain = 1> {
  %high, %low = pe.receive bits 8 places [#pe.place<events = 0, capacity = 1, pointers = 0>, #pe.place<events = 1, capacity = 1, pointers = 4>] : !pe.map<1x2x2, direct, 4, block 1, pitch 1>, !pe.map<1x2x2, direct, 4, block 1, pitch 1>
  %v = pe.layer "out" with @keep steps 8 pixels [1, 1] {
    pe.tile channels [0, 1] weights_at 0 params_at 0 params {} {
      pe.stream %high shift 4 bounds [2, 2] advance 0 runs dense<[[0, 0, 0, 2, 0], [0, 1, 0, 2, 0]]> : tensor<2x5xi32> weights dense<1> : tensor<2x1x1xi8> : !pe.map<1x2x2, direct, 4, block 1, pitch 1>
      pe.stream %low bounds [2, 2] advance 0 runs dense<[[0, 0, 0, 2, 0], [0, 1, 0, 2, 0]]> : tensor<2x5xi32> weights dense<1> : tensor<2x1x1xi8> : !pe.map<1x2x2, direct, 4, block 1, pitch 1>
    }
  } : !pe.potentials<1x1x1>
  pe.send %v : !pe.potentials<1x1x1>
}

// -----

// The pointers do.
snn.neuron @keep none state ["v"] params [] start {
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
// expected-error @below {{are needed at the same time, but their pointers overlap at address 3}}
pe.program @net array #pe.array<banks = 2, channels = 1, planes = 4, weight_bits = 2, acc_bits = 8, membrane_bits = 11, fifo = 4, drain = 1> {
  %high, %low = pe.receive bits 8 places [#pe.place<events = 0, capacity = 1, pointers = 0>, #pe.place<events = 2, capacity = 1, pointers = 3>] : !pe.map<1x2x2, direct, 4, block 1, pitch 1>, !pe.map<1x2x2, direct, 4, block 1, pitch 1>
  %v = pe.layer "out" with @keep steps 8 pixels [1, 1] {
    pe.tile channels [0, 1] weights_at 0 params_at 0 params {} {
      pe.stream %high shift 4 bounds [2, 2] advance 0 runs dense<[[0, 0, 0, 2, 0], [0, 1, 0, 2, 0]]> : tensor<2x5xi32> weights dense<1> : tensor<2x1x1xi8> : !pe.map<1x2x2, direct, 4, block 1, pitch 1>
      pe.stream %low bounds [2, 2] advance 0 runs dense<[[0, 0, 0, 2, 0], [0, 1, 0, 2, 0]]> : tensor<2x5xi32> weights dense<1> : tensor<2x1x1xi8> : !pe.map<1x2x2, direct, 4, block 1, pitch 1>
    }
  } : !pe.potentials<1x1x1>
  pe.send %v : !pe.potentials<1x1x1>
}

// -----

// A row has two events in two banks, one in each.
snn.neuron @keep none state ["v"] params [] start {
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
// expected-error @below {{has up to 1 events in a bank, its place has 2}}
pe.program @net array #pe.array<banks = 2, channels = 1, planes = 4, weight_bits = 2, acc_bits = 8, membrane_bits = 11, fifo = 4, drain = 1> {
  %high, %low = pe.receive bits 8 places [#pe.place<events = 0, capacity = 2, pointers = 0>, #pe.place<events = 2, capacity = 1, pointers = 4>] : !pe.map<1x2x2, direct, 4, block 1, pitch 1>, !pe.map<1x2x2, direct, 4, block 1, pitch 1>
  %v = pe.layer "out" with @keep steps 8 pixels [1, 1] {
    pe.tile channels [0, 1] weights_at 0 params_at 0 params {} {
      pe.stream %high shift 4 bounds [2, 2] advance 0 runs dense<[[0, 0, 0, 2, 0], [0, 1, 0, 2, 0]]> : tensor<2x5xi32> weights dense<1> : tensor<2x1x1xi8> : !pe.map<1x2x2, direct, 4, block 1, pitch 1>
      pe.stream %low bounds [2, 2] advance 0 runs dense<[[0, 0, 0, 2, 0], [0, 1, 0, 2, 0]]> : tensor<2x5xi32> weights dense<1> : tensor<2x1x1xi8> : !pe.map<1x2x2, direct, 4, block 1, pitch 1>
    }
  } : !pe.potentials<1x1x1>
  pe.send %v : !pe.potentials<1x1x1>
}

// -----

// A run reads past the rows of its stream.
snn.neuron @keep none state ["v"] params [] start {
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
pe.program @net array #pe.array<banks = 2, channels = 1, planes = 4, weight_bits = 2, acc_bits = 8, membrane_bits = 11, fifo = 4, drain = 1> {
  %high, %low = pe.receive bits 8 places [#pe.place<events = 0, capacity = 1, pointers = 0>, #pe.place<events = 2, capacity = 1, pointers = 4>] : !pe.map<1x2x2, direct, 4, block 1, pitch 1>, !pe.map<1x2x2, direct, 4, block 1, pitch 1>
// expected-error @below {{the run of block 0 at dy=1, dx=0 reads weight rows 1 to 1, the stream has 1}}
  %v = pe.layer "out" with @keep steps 8 pixels [1, 1] {
    pe.tile channels [0, 1] weights_at 0 params_at 0 params {} {
      pe.stream %high shift 4 bounds [2, 2] advance 0 runs dense<[[0, 0, 0, 2, 0], [0, 1, 0, 2, 0]]> : tensor<2x5xi32> weights dense<1> : tensor<2x1x1xi8> : !pe.map<1x2x2, direct, 4, block 1, pitch 1>
      pe.stream %low bounds [2, 2] advance 0 runs dense<[[0, 0, 0, 2, 0], [0, 1, 0, 2, 1]]> : tensor<2x5xi32> weights dense<1> : tensor<2x1x1xi8> : !pe.map<1x2x2, direct, 4, block 1, pitch 1>
    }
  } : !pe.potentials<1x1x1>
  pe.send %v : !pe.potentials<1x1x1>
}

// -----

// The lower word is walked with other weights.
snn.neuron @keep none state ["v"] params [] start {
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
pe.program @net array #pe.array<banks = 2, channels = 1, planes = 4, weight_bits = 2, acc_bits = 8, membrane_bits = 11, fifo = 4, drain = 1> {
  %high, %low = pe.receive bits 8 places [#pe.place<events = 0, capacity = 1, pointers = 0>, #pe.place<events = 2, capacity = 1, pointers = 4>] : !pe.map<1x2x2, direct, 4, block 1, pitch 1>, !pe.map<1x2x2, direct, 4, block 1, pitch 1>
// expected-error @below {{the words of the image are not walked by the same runs and weights}}
  %v = pe.layer "out" with @keep steps 8 pixels [1, 1] {
    pe.tile channels [0, 1] weights_at 0 params_at 0 params {} {
      pe.stream %high shift 4 bounds [2, 2] advance 0 runs dense<[[0, 0, 0, 2, 0], [0, 1, 0, 2, 0]]> : tensor<2x5xi32> weights dense<1> : tensor<2x1x1xi8> : !pe.map<1x2x2, direct, 4, block 1, pitch 1>
      pe.stream %low bounds [2, 2] advance 0 runs dense<[[0, 0, 0, 2, 0], [0, 1, 0, 2, 0]]> : tensor<2x5xi32> weights dense<-1> : tensor<2x1x1xi8> : !pe.map<1x2x2, direct, 4, block 1, pitch 1>
    }
  } : !pe.potentials<1x1x1>
  pe.send %v : !pe.potentials<1x1x1>
}

// -----

// 68 does not fit 7 bits with a sign.
snn.neuron @keep none state ["v"] params [] start {
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
pe.program @net array #pe.array<banks = 2, channels = 1, planes = 4, weight_bits = 2, acc_bits = 7, membrane_bits = 11, fifo = 4, drain = 1> {
  %high, %low = pe.receive bits 8 places [#pe.place<events = 0, capacity = 1, pointers = 0>, #pe.place<events = 2, capacity = 1, pointers = 4>] : !pe.map<1x2x2, direct, 4, block 1, pitch 1>, !pe.map<1x2x2, direct, 4, block 1, pitch 1>
// expected-error @below {{out: accumulators need 8 bits, the array has 7}}
  %v = pe.layer "out" with @keep steps 8 pixels [1, 1] {
    pe.tile channels [0, 1] weights_at 0 params_at 0 params {} {
      pe.stream %high shift 4 bounds [2, 2] advance 0 runs dense<[[0, 0, 0, 2, 0], [0, 1, 0, 2, 0]]> : tensor<2x5xi32> weights dense<1> : tensor<2x1x1xi8> : !pe.map<1x2x2, direct, 4, block 1, pitch 1>
      pe.stream %low bounds [2, 2] advance 0 runs dense<[[0, 0, 0, 2, 0], [0, 1, 0, 2, 0]]> : tensor<2x5xi32> weights dense<1> : tensor<2x1x1xi8> : !pe.map<1x2x2, direct, 4, block 1, pitch 1>
    }
  } : !pe.potentials<1x1x1>
  pe.send %v : !pe.potentials<1x1x1>
}

// -----

// Nor does the sum over four planes fit 8 bits.
snn.neuron @keep none state ["v"] params [] start {
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
pe.program @net array #pe.array<banks = 2, channels = 1, planes = 4, weight_bits = 2, acc_bits = 8, membrane_bits = 8, fifo = 4, drain = 1> {
  %high, %low = pe.receive bits 8 places [#pe.place<events = 0, capacity = 1, pointers = 0>, #pe.place<events = 2, capacity = 1, pointers = 4>] : !pe.map<1x2x2, direct, 4, block 1, pitch 1>, !pe.map<1x2x2, direct, 4, block 1, pitch 1>
// expected-error @below {{out: membranes need 10 bits, the array has 8}}
  %v = pe.layer "out" with @keep steps 8 pixels [1, 1] {
    pe.tile channels [0, 1] weights_at 0 params_at 0 params {} {
      pe.stream %high shift 4 bounds [2, 2] advance 0 runs dense<[[0, 0, 0, 2, 0], [0, 1, 0, 2, 0]]> : tensor<2x5xi32> weights dense<1> : tensor<2x1x1xi8> : !pe.map<1x2x2, direct, 4, block 1, pitch 1>
      pe.stream %low bounds [2, 2] advance 0 runs dense<[[0, 0, 0, 2, 0], [0, 1, 0, 2, 0]]> : tensor<2x5xi32> weights dense<1> : tensor<2x1x1xi8> : !pe.map<1x2x2, direct, 4, block 1, pitch 1>
    }
  } : !pe.potentials<1x1x1>
  pe.send %v : !pe.potentials<1x1x1>
}

// -----

// The neuron is defined nowhere.
snn.neuron @keep none state ["v"] params [] start {
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
pe.program @net array #pe.array<banks = 2, channels = 1, planes = 4, weight_bits = 2, acc_bits = 8, membrane_bits = 11, fifo = 4, drain = 1> {
  %high, %low = pe.receive bits 8 places [#pe.place<events = 0, capacity = 1, pointers = 0>, #pe.place<events = 2, capacity = 1, pointers = 4>] : !pe.map<1x2x2, direct, 4, block 1, pitch 1>, !pe.map<1x2x2, direct, 4, block 1, pitch 1>
// expected-error @below {{neuron @other is not defined}}
  %v = pe.layer "out" with @other steps 8 pixels [1, 1] {
    pe.tile channels [0, 1] weights_at 0 params_at 0 params {} {
      pe.stream %high shift 4 bounds [2, 2] advance 0 runs dense<[[0, 0, 0, 2, 0], [0, 1, 0, 2, 0]]> : tensor<2x5xi32> weights dense<1> : tensor<2x1x1xi8> : !pe.map<1x2x2, direct, 4, block 1, pitch 1>
      pe.stream %low bounds [2, 2] advance 0 runs dense<[[0, 0, 0, 2, 0], [0, 1, 0, 2, 0]]> : tensor<2x5xi32> weights dense<1> : tensor<2x1x1xi8> : !pe.map<1x2x2, direct, 4, block 1, pitch 1>
    }
  } : !pe.potentials<1x1x1>
  pe.send %v : !pe.potentials<1x1x1>
}

// -----

// A tile must be there as a whole.
snn.neuron @keep none state ["v"] params [] start {
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
// expected-error @below {{a tile has 3 weight rows, the ring 2}}
pe.program @net array #pe.array<banks = 1, channels = 1, planes = 1, weight_bits = 2, acc_bits = 8, membrane_bits = 8, fifo = 2, drain = 1> ring 2 {
  %x = pe.receive bits 1 places [#pe.place<events = 0, capacity = 3, pointers = 0>] : !pe.map<3x1x1, direct, 1, block 3, pitch 3>
  %v = pe.layer "out" with @keep steps 1 pixels [1, 1] {
    pe.tile channels [0, 1] weights_at 0 params_at 0 params {} {
      pe.stream %x bounds [1, 1] advance 0 runs dense<[[0, 0, 0, 1, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<1x3x1xi8> : !pe.map<3x1x1, direct, 1, block 3, pitch 3>
    }
  } : !pe.potentials<1x1x1>
  pe.send %v : !pe.potentials<1x1x1>
}

// -----

// The loader knows no gaps.
snn.neuron @keep none state ["v"] params [] start {
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
// expected-error @below {{a tile's weights begin at row 1 of the stream, the tile before ends at 0}}
pe.program @net array #pe.array<banks = 1, channels = 1, planes = 1, weight_bits = 2, acc_bits = 8, membrane_bits = 8, fifo = 2, drain = 1> ring 4 {
  %x = pe.receive bits 1 places [#pe.place<events = 0, capacity = 3, pointers = 0>] : !pe.map<3x1x1, direct, 1, block 3, pitch 3>
  %v = pe.layer "out" with @keep steps 1 pixels [1, 1] {
    pe.tile channels [0, 1] weights_at 1 params_at 0 params {} {
      pe.stream %x bounds [1, 1] advance 0 runs dense<[[0, 0, 0, 1, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<1x3x1xi8> : !pe.map<3x1x1, direct, 1, block 3, pitch 3>
    }
  } : !pe.potentials<1x1x1>
  pe.send %v : !pe.potentials<1x1x1>
}

// -----

// A row of a map in DDR takes a burst, not two.
snn.neuron @keep causal state ["v"] params ["bias"] start {
^bb0(%bias: i64):
  %zero = arith.constant 0 : i64
  snn.yield %zero : i64
} integrate {
^bb0(%v: i64, %i: i64, %bias: i64):
  %next = arith.addi %v, %i : i64
  snn.yield %next : i64
} settle {
^bb0(%v: i64, %bias: i64):
  snn.yield %v : i64
} fire {
^bb0(%v: i64, %bias: i64, %left: i64):
  %spikes = arith.cmpi sgt, %v, %bias : i64
  snn.yield %v, %spikes : i64, i1
}
pe.program @bands array #pe.array<banks = 2, channels = 2, planes = 4, weight_bits = 4, acc_bits = 10, membrane_bits = 20, fifo = 4, drain = 1> {
  // expected-error @below {{a row takes 128 bytes of DDR, not 256}}
  %ddr = pe.buffer "a" at 0 row_bytes 256 : !pe.ddr<!pe.map<2x4x4, rate, 4, block 2, pitch 2>>
  %x0 = pe.receive bits 4 rows [0, 4] label "a.0.input" places [#pe.place<events = 0, capacity = 2, pointers = 0>] : !pe.map<1x2x4, direct, 4, block 1, pitch 1>
  %a0 = pe.layer "a.0" of "a" band [0, 4, 0, 4] with @keep steps 4 pixels [2, 4] place #pe.place<events = 4, capacity = 4, pointers = 8> {
    pe.tile channels [0, 2] weights_at 0 params_at 0 params {bias = dense<0> : tensor<2xi32>} {
      pe.stream %x0 bounds [2, 4] advance 1 by_bank runs dense<[[0, 0, 0, 1, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x1x2xi8> : !pe.map<1x2x4, direct, 4, block 1, pitch 1>
    }
  } : !pe.map<2x2x4, rate, 4, block 2, pitch 2>
  pe.store "a.0.store", %a0, %ddr row 0 : !pe.map<2x2x4, rate, 4, block 2, pitch 2>, !pe.ddr<!pe.map<2x4x4, rate, 4, block 2, pitch 2>>
  %x1 = pe.receive bits 4 rows [2, 4] label "a.1.input" places [#pe.place<events = 0, capacity = 2, pointers = 0>] : !pe.map<1x2x4, direct, 4, block 1, pitch 1>
  %a1 = pe.layer "a.1" of "a" band [2, 4, 2, 4] with @keep steps 4 pixels [2, 4] place #pe.place<events = 4, capacity = 4, pointers = 8> {
    pe.tile channels [0, 2] weights_at 0 params_at 0 params {bias = dense<0> : tensor<2xi32>} {
      pe.stream %x1 bounds [2, 4] advance 1 by_bank runs dense<[[0, 0, 0, 1, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x1x2xi8> : !pe.map<1x2x4, direct, 4, block 1, pitch 1>
    }
  } : !pe.map<2x2x4, rate, 4, block 2, pitch 2>
  pe.store "a.1.store", %a1, %ddr row 2 : !pe.map<2x2x4, rate, 4, block 2, pitch 2>, !pe.ddr<!pe.map<2x4x4, rate, 4, block 2, pitch 2>>
  %a = pe.load "out.load", %ddr row 0 place #pe.place<events = 0, capacity = 4, pointers = 0> : !pe.ddr<!pe.map<2x4x4, rate, 4, block 2, pitch 2>> -> !pe.map<2x4x4, rate, 4, block 2, pitch 2>
  %v = pe.layer "out" with @keep steps 4 pixels [4, 4] {
    pe.tile channels [0, 1] weights_at 1 params_at 2 params {bias = dense<0> : tensor<1xi32>} {
      pe.stream %a bounds [4, 4] advance 1 runs dense<[[0, 0, 0, 1, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x1x2xi8> : !pe.map<2x4x4, rate, 4, block 2, pitch 2>
    }
  } : !pe.potentials<1x4x4>
  pe.send %v : !pe.potentials<1x4x4>
}

// -----

// The second band is never stored.
snn.neuron @keep causal state ["v"] params ["bias"] start {
^bb0(%bias: i64):
  %zero = arith.constant 0 : i64
  snn.yield %zero : i64
} integrate {
^bb0(%v: i64, %i: i64, %bias: i64):
  %next = arith.addi %v, %i : i64
  snn.yield %next : i64
} settle {
^bb0(%v: i64, %bias: i64):
  snn.yield %v : i64
} fire {
^bb0(%v: i64, %bias: i64, %left: i64):
  %spikes = arith.cmpi sgt, %v, %bias : i64
  snn.yield %v, %spikes : i64, i1
}
pe.program @bands array #pe.array<banks = 2, channels = 2, planes = 4, weight_bits = 4, acc_bits = 10, membrane_bits = 20, fifo = 4, drain = 1> {
  %ddr = pe.buffer "a" at 0 row_bytes 128 : !pe.ddr<!pe.map<2x4x4, rate, 4, block 2, pitch 2>>
  %x0 = pe.receive bits 4 rows [0, 4] label "a.0.input" places [#pe.place<events = 0, capacity = 2, pointers = 0>] : !pe.map<1x2x4, direct, 4, block 1, pitch 1>
  %a0 = pe.layer "a.0" of "a" band [0, 4, 0, 4] with @keep steps 4 pixels [2, 4] place #pe.place<events = 4, capacity = 4, pointers = 8> {
    pe.tile channels [0, 2] weights_at 0 params_at 0 params {bias = dense<0> : tensor<2xi32>} {
      pe.stream %x0 bounds [2, 4] advance 1 by_bank runs dense<[[0, 0, 0, 1, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x1x2xi8> : !pe.map<1x2x4, direct, 4, block 1, pitch 1>
    }
  } : !pe.map<2x2x4, rate, 4, block 2, pitch 2>
  pe.store "a.0.store", %a0, %ddr row 0 : !pe.map<2x2x4, rate, 4, block 2, pitch 2>, !pe.ddr<!pe.map<2x4x4, rate, 4, block 2, pitch 2>>
  %x1 = pe.receive bits 4 rows [2, 4] label "a.1.input" places [#pe.place<events = 0, capacity = 2, pointers = 0>] : !pe.map<1x2x4, direct, 4, block 1, pitch 1>
  %a1 = pe.layer "a.1" of "a" band [2, 4, 2, 4] with @keep steps 4 pixels [2, 4] place #pe.place<events = 4, capacity = 4, pointers = 8> {
    pe.tile channels [0, 2] weights_at 0 params_at 0 params {bias = dense<0> : tensor<2xi32>} {
      pe.stream %x1 bounds [2, 4] advance 1 by_bank runs dense<[[0, 0, 0, 1, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x1x2xi8> : !pe.map<1x2x4, direct, 4, block 1, pitch 1>
    }
  } : !pe.map<2x2x4, rate, 4, block 2, pitch 2>
  // expected-error @below {{row 2 of map 'a' is loaded before it is stored}}
  %a = pe.load "out.load", %ddr row 0 place #pe.place<events = 0, capacity = 4, pointers = 0> : !pe.ddr<!pe.map<2x4x4, rate, 4, block 2, pitch 2>> -> !pe.map<2x4x4, rate, 4, block 2, pitch 2>
  %v = pe.layer "out" with @keep steps 4 pixels [4, 4] {
    pe.tile channels [0, 1] weights_at 1 params_at 2 params {bias = dense<0> : tensor<1xi32>} {
      pe.stream %a bounds [4, 4] advance 1 runs dense<[[0, 0, 0, 1, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x1x2xi8> : !pe.map<2x4x4, rate, 4, block 2, pitch 2>
    }
  } : !pe.potentials<1x4x4>
  pe.send %v : !pe.potentials<1x4x4>
}

// -----

// Two maps lie one upon the other.
snn.neuron @keep causal state ["v"] params ["bias"] start {
^bb0(%bias: i64):
  %zero = arith.constant 0 : i64
  snn.yield %zero : i64
} integrate {
^bb0(%v: i64, %i: i64, %bias: i64):
  %next = arith.addi %v, %i : i64
  snn.yield %next : i64
} settle {
^bb0(%v: i64, %bias: i64):
  snn.yield %v : i64
} fire {
^bb0(%v: i64, %bias: i64, %left: i64):
  %spikes = arith.cmpi sgt, %v, %bias : i64
  snn.yield %v, %spikes : i64, i1
}
pe.program @bands array #pe.array<banks = 2, channels = 2, planes = 4, weight_bits = 4, acc_bits = 10, membrane_bits = 20, fifo = 4, drain = 1> {
  // expected-error @below {{the map overlaps another one in DDR}}
  %other = pe.buffer "b" at 384 row_bytes 128 : !pe.ddr<!pe.map<2x4x4, rate, 4, block 2, pitch 2>>
  %ddr = pe.buffer "a" at 0 row_bytes 128 : !pe.ddr<!pe.map<2x4x4, rate, 4, block 2, pitch 2>>
  %x0 = pe.receive bits 4 rows [0, 4] label "a.0.input" places [#pe.place<events = 0, capacity = 2, pointers = 0>] : !pe.map<1x2x4, direct, 4, block 1, pitch 1>
  %a0 = pe.layer "a.0" of "a" band [0, 4, 0, 4] with @keep steps 4 pixels [2, 4] place #pe.place<events = 4, capacity = 4, pointers = 8> {
    pe.tile channels [0, 2] weights_at 0 params_at 0 params {bias = dense<0> : tensor<2xi32>} {
      pe.stream %x0 bounds [2, 4] advance 1 by_bank runs dense<[[0, 0, 0, 1, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x1x2xi8> : !pe.map<1x2x4, direct, 4, block 1, pitch 1>
    }
  } : !pe.map<2x2x4, rate, 4, block 2, pitch 2>
  pe.store "a.0.store", %a0, %ddr row 0 : !pe.map<2x2x4, rate, 4, block 2, pitch 2>, !pe.ddr<!pe.map<2x4x4, rate, 4, block 2, pitch 2>>
  %x1 = pe.receive bits 4 rows [2, 4] label "a.1.input" places [#pe.place<events = 0, capacity = 2, pointers = 0>] : !pe.map<1x2x4, direct, 4, block 1, pitch 1>
  %a1 = pe.layer "a.1" of "a" band [2, 4, 2, 4] with @keep steps 4 pixels [2, 4] place #pe.place<events = 4, capacity = 4, pointers = 8> {
    pe.tile channels [0, 2] weights_at 0 params_at 0 params {bias = dense<0> : tensor<2xi32>} {
      pe.stream %x1 bounds [2, 4] advance 1 by_bank runs dense<[[0, 0, 0, 1, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x1x2xi8> : !pe.map<1x2x4, direct, 4, block 1, pitch 1>
    }
  } : !pe.map<2x2x4, rate, 4, block 2, pitch 2>
  pe.store "a.1.store", %a1, %ddr row 2 : !pe.map<2x2x4, rate, 4, block 2, pitch 2>, !pe.ddr<!pe.map<2x4x4, rate, 4, block 2, pitch 2>>
  %a = pe.load "out.load", %ddr row 0 place #pe.place<events = 0, capacity = 4, pointers = 0> : !pe.ddr<!pe.map<2x4x4, rate, 4, block 2, pitch 2>> -> !pe.map<2x4x4, rate, 4, block 2, pitch 2>
  %v = pe.layer "out" with @keep steps 4 pixels [4, 4] {
    pe.tile channels [0, 1] weights_at 1 params_at 2 params {bias = dense<0> : tensor<1xi32>} {
      pe.stream %a bounds [4, 4] advance 1 runs dense<[[0, 0, 0, 1, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x1x2xi8> : !pe.map<2x4x4, rate, 4, block 2, pitch 2>
    }
  } : !pe.potentials<1x4x4>
  pe.send %v : !pe.potentials<1x4x4>
}

// -----

// A state that is kept has fewer bits than all windows of a sample take.
snn.neuron @keep causal state ["v"] params [] start {
  %zero = arith.constant 0 : i64
  snn.yield %zero : i64
} integrate {
^bb0(%v: i64, %i: i64):
  %next = arith.addi %v, %i : i64
  snn.yield %next : i64
} settle {
^bb0(%v_1: i64):
  snn.yield %v_1 : i64
} fire {
^bb0(%v_2: i64, %left: i64):
  %four = arith.constant 4 : i64
  %spike = arith.cmpi sge, %v_2, %four : i64
  snn.yield %v_2, %spike : i64, i1
}
snn.neuron @add none state ["v"] params [] start {
  %zero_1 = arith.constant 0 : i64
  snn.yield %zero_1 : i64
} integrate {
^bb0(%v_3: i64, %i_1: i64):
  %next_1 = arith.addi %v_3, %i_1 : i64
  snn.yield %next_1 : i64
} settle {
^bb0(%v_4: i64):
  snn.yield %v_4 : i64
} fire {
^bb0(%v_5: i64, %left_1: i64):
  %never = arith.constant false
  snn.yield %v_5, %never : i64, i1
}
snn.neuron @relay_rate causal state ["v"] params ["theta", "bias"] coding rate start {
^bb0(%theta: i64, %bias: i64):
  %0 = arith.constant 1 : i64
  %1 = arith.shrsi %theta, %0 : i64
  snn.yield %1 : i64
} integrate {
^bb0(%v_6: i64, %i_2: i64, %theta_1: i64, %bias_1: i64):
  %2 = arith.addi %v_6, %i_2 : i64
  %3 = arith.addi %2, %bias_1 : i64
  snn.yield %3 : i64
} settle {
^bb0(%v_7: i64, %theta_2: i64, %bias_2: i64):
  snn.yield %v_7 : i64
} fire {
^bb0(%v_8: i64, %theta_3: i64, %bias_3: i64, %left_2: i64):
  %spike_1 = arith.cmpi sge, %v_8, %theta_3 : i64
  %4 = arith.subi %v_8, %theta_3 : i64
  %5 = arith.select %spike_1, %4, %v_8 : i64
  snn.yield %5, %spike_1 : i64, i1
}
pe.program @stream array #pe.array<banks = 1, channels = 1, planes = 1, weight_bits = 3, acc_bits = 3, membrane_bits = 5, fifo = 16, drain = 1> windows 3 {
  %6 = pe.receive bits 1 places [#pe.place<events = 0, capacity = 4, pointers = 0>] : !pe.map<1x1x4, rate, 1, block 1, pitch 1>
  // expected-error @below {{a: states of [4] bits are kept, [5] are needed}}
  %7 = pe.layer "a" with @keep steps 1 pixels [1, 4] kept [4] place #pe.place<events = 4, capacity = 4, pointers = 4> {
    pe.tile channels [0, 1] weights_at 0 params_at 0 params {} {
      pe.stream %6 bounds [1, 4] advance 1 runs dense<[[0, 0, 0, 1, 0]]> : tensor<1x5xi32> weights dense<3> : tensor<1x1x1xi8> : !pe.map<1x1x4, rate, 1, block 1, pitch 1>
    }
  } : !pe.map<1x1x4, rate, 1, block 1, pitch 1>
  %8 = pe.layer "a.relay" with @relay_rate steps 1 pixels [1, 4] kernel [1, 2] place #pe.place<events = 0, capacity = 3, pointers = 0> {
    pe.tile channels [0, 1] weights_at 1 params_at 1 params {theta = dense<1> : tensor<1xi32>, bias = dense<0> : tensor<1xi32>} {
      pe.stream %7 bounds [1, 4] advance 1 runs dense<[[0, 0, 0, 1, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<1x1x1xi8> : !pe.map<1x1x4, rate, 1, block 1, pitch 1>
    }
  } : !pe.map<1x1x3, rate, 1, block 1, pitch 1>
  %9 = pe.layer "out" with @add steps 1 pixels [1, 3] kept [3] {
    pe.tile channels [0, 1] weights_at 2 params_at 2 params {} {
      pe.stream %8 bounds [1, 3] advance 1 runs dense<[[0, 0, 0, 1, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<1x1x1xi8> : !pe.map<1x1x3, rate, 1, block 1, pitch 1>
    }
  } : !pe.potentials<1x1x3>
  pe.send %9 : !pe.potentials<1x1x3>
}

// -----

// What is late from the window before acts in other steps: 4 * (3 + 2) in each, no more.
snn.neuron @sum none state ["v"] params ["bias"] start {
^bb0(%bias: i64):
  %zero = arith.constant 0 : i64
  snn.yield %zero : i64
} integrate {
^bb0(%v: i64, %i: i64, %bias: i64):
  %sum = arith.addi %v, %i : i64
  snn.yield %sum : i64
} settle {
^bb0(%v: i64, %bias: i64):
  snn.yield %v : i64
} fire {
^bb0(%v: i64, %bias: i64, %left: i64):
  %never = arith.constant false
  snn.yield %v, %never : i64, i1
}
pe.program @window array #pe.array<banks = 2, channels = 2, planes = 4, weight_bits = 3, acc_bits = 5, membrane_bits = 10, fifo = 16, drain = 1> windows 5 window_stride [2, 1] {
  %0 = pe.receive bits 4 places [#pe.place<events = 0, capacity = 2, pointers = 0>] : !pe.map<4x1x1, rate, 4, block 4, pitch 4>
  %1 = pe.previous "input" : !pe.map<4x1x1, rate, 4, block 4, pitch 4>
  // expected-error @below {{out: accumulators need 6 bits, the array has 5}}
  %2 = pe.layer "out" with @sum steps 4 pixels [1, 1] kept [10] {
    pe.tile channels [0, 2] weights_at 0 params_at 0 params {bias = dense<0> : tensor<2xi32>} {
      pe.stream %0 bounds [1, 1] advance 2 runs dense<[[0, 0, 0, 1, 0]]> : tensor<1x5xi32> weights dense<3> : tensor<2x2x2xi8> : !pe.map<4x1x1, rate, 4, block 4, pitch 4>
      pe.stream %0 delay 1 bounds [1, 1] advance 2 runs dense<[[0, 0, 0, 1, 0]]> : tensor<1x5xi32> weights dense<2> : tensor<2x2x2xi8> : !pe.map<4x1x1, rate, 4, block 4, pitch 4>
      pe.stream %1 delay -3 bounds [1, 1] advance 2 runs dense<[[0, 0, 0, 1, 0]]> : tensor<1x5xi32> weights dense<2> : tensor<2x2x2xi8> : !pe.map<4x1x1, rate, 4, block 4, pitch 4>
    }
  } : !pe.potentials<2x1x1>
  pe.send %2 : !pe.potentials<2x1x1>
}
