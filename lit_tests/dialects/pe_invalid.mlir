// RUN: snn-opt %s --split-input-file --verify-diagnostics

// Banks are selected by bits of a position.
// expected-error @below {{array banks is 3, must be a power of two}}
pe.program @net array #pe.array<banks = 3, channels = 2, planes = 4, weight_bits = 4, acc_bits = 10, membrane_bits = 16, fifo = 4, drain = 1> {
  %hi, %lo = pe.receive bits 8 : !pe.map<1x4x4, direct, 4, block 1, pitch 1>, !pe.map<1x4x4, direct, 4, block 1, pitch 1>
  %m = pe.layer "conv1" with @radix steps 4 pixels [4, 4] {
    pe.tile channels [0, 2] params {theta = dense<3> : tensor<2xi32>} {
      pe.stream %hi shift 4 bounds [4, 4] advance 1 by_bank runs dense<[[0, 0, 0, 3, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x3x2xi8> : !pe.map<1x4x4, direct, 4, block 1, pitch 1>
      pe.stream %lo bounds [4, 4] advance 1 by_bank runs dense<[[0, 0, 0, 3, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x3x2xi8> : !pe.map<1x4x4, direct, 4, block 1, pitch 1>
    }
    pe.tile channels [2, 1] params {theta = dense<3> : tensor<1xi32>} {
      pe.stream %lo bounds [4, 4] advance 1 by_bank runs dense<[[0, 0, 0, 3, 0]]> : tensor<1x5xi32> weights dense<7> : tensor<2x3x2xi8> : !pe.map<1x4x4, direct, 4, block 1, pitch 1>
    }
  } : !pe.map<3x4x4, radix, 4, block 2, pitch 2>
  %v = pe.layer "out" with @readout steps 4 pixels [4, 4] {
    pe.tile channels [0, 1] params {} {
      pe.stream %m bounds [4, 4] advance 1 runs dense<[[0, 0, 0, 1, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x2x2xi8> : !pe.map<3x4x4, radix, 4, block 2, pitch 2>
    }
  } : !pe.potentials<1x4x4>
  pe.send %v : !pe.potentials<1x4x4>
}

// -----

// expected-error @below {{array weight_bits is 9, must be 2 to 8}}
pe.program @net array #pe.array<banks = 2, channels = 2, planes = 4, weight_bits = 9, acc_bits = 10, membrane_bits = 16, fifo = 4, drain = 1> {
  %hi, %lo = pe.receive bits 8 : !pe.map<1x4x4, direct, 4, block 1, pitch 1>, !pe.map<1x4x4, direct, 4, block 1, pitch 1>
  %m = pe.layer "conv1" with @radix steps 4 pixels [4, 4] {
    pe.tile channels [0, 2] params {theta = dense<3> : tensor<2xi32>} {
      pe.stream %hi shift 4 bounds [4, 4] advance 1 by_bank runs dense<[[0, 0, 0, 3, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x3x2xi8> : !pe.map<1x4x4, direct, 4, block 1, pitch 1>
      pe.stream %lo bounds [4, 4] advance 1 by_bank runs dense<[[0, 0, 0, 3, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x3x2xi8> : !pe.map<1x4x4, direct, 4, block 1, pitch 1>
    }
    pe.tile channels [2, 1] params {theta = dense<3> : tensor<1xi32>} {
      pe.stream %lo bounds [4, 4] advance 1 by_bank runs dense<[[0, 0, 0, 3, 0]]> : tensor<1x5xi32> weights dense<7> : tensor<2x3x2xi8> : !pe.map<1x4x4, direct, 4, block 1, pitch 1>
    }
  } : !pe.map<3x4x4, radix, 4, block 2, pitch 2>
  %v = pe.layer "out" with @readout steps 4 pixels [4, 4] {
    pe.tile channels [0, 1] params {} {
      pe.stream %m bounds [4, 4] advance 1 runs dense<[[0, 0, 0, 1, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x2x2xi8> : !pe.map<3x4x4, radix, 4, block 2, pitch 2>
    }
  } : !pe.potentials<1x4x4>
  pe.send %v : !pe.potentials<1x4x4>
}

// -----

// Seven bits cannot be cut into two words of four.
pe.program @net array #pe.array<banks = 2, channels = 2, planes = 4, weight_bits = 4, acc_bits = 10, membrane_bits = 16, fifo = 4, drain = 1> {
// expected-error @below {{the words must hold all bits of a pixel}}
  %hi, %lo = pe.receive bits 7 : !pe.map<1x4x4, direct, 4, block 1, pitch 1>, !pe.map<1x4x4, direct, 4, block 1, pitch 1>
  %m = pe.layer "conv1" with @radix steps 4 pixels [4, 4] {
    pe.tile channels [0, 2] params {theta = dense<3> : tensor<2xi32>} {
      pe.stream %hi shift 4 bounds [4, 4] advance 1 by_bank runs dense<[[0, 0, 0, 3, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x3x2xi8> : !pe.map<1x4x4, direct, 4, block 1, pitch 1>
      pe.stream %lo bounds [4, 4] advance 1 by_bank runs dense<[[0, 0, 0, 3, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x3x2xi8> : !pe.map<1x4x4, direct, 4, block 1, pitch 1>
    }
    pe.tile channels [2, 1] params {theta = dense<3> : tensor<1xi32>} {
      pe.stream %lo bounds [4, 4] advance 1 by_bank runs dense<[[0, 0, 0, 3, 0]]> : tensor<1x5xi32> weights dense<7> : tensor<2x3x2xi8> : !pe.map<1x4x4, direct, 4, block 1, pitch 1>
    }
  } : !pe.map<3x4x4, radix, 4, block 2, pitch 2>
  %v = pe.layer "out" with @readout steps 4 pixels [4, 4] {
    pe.tile channels [0, 1] params {} {
      pe.stream %m bounds [4, 4] advance 1 runs dense<[[0, 0, 0, 1, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x2x2xi8> : !pe.map<3x4x4, radix, 4, block 2, pitch 2>
    }
  } : !pe.potentials<1x4x4>
  pe.send %v : !pe.potentials<1x4x4>
}

// -----

// Only the first word may be shorter.
pe.program @net array #pe.array<banks = 2, channels = 2, planes = 4, weight_bits = 4, acc_bits = 10, membrane_bits = 16, fifo = 4, drain = 1> {
// expected-error @below {{all words but the first hold 4 bits}}
  %hi, %lo = pe.receive bits 7 : !pe.map<1x4x4, direct, 4, block 1, pitch 1>, !pe.map<1x4x4, direct, 3, block 1, pitch 1>
  %m = pe.layer "conv1" with @radix steps 4 pixels [4, 4] {
    pe.tile channels [0, 2] params {theta = dense<3> : tensor<2xi32>} {
      pe.stream %hi shift 4 bounds [4, 4] advance 1 by_bank runs dense<[[0, 0, 0, 3, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x3x2xi8> : !pe.map<1x4x4, direct, 4, block 1, pitch 1>
      pe.stream %lo bounds [4, 4] advance 1 by_bank runs dense<[[0, 0, 0, 3, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x3x2xi8> : !pe.map<1x4x4, direct, 3, block 1, pitch 1>
    }
    pe.tile channels [2, 1] params {theta = dense<3> : tensor<1xi32>} {
      pe.stream %lo bounds [4, 4] advance 1 by_bank runs dense<[[0, 0, 0, 3, 0]]> : tensor<1x5xi32> weights dense<7> : tensor<2x3x2xi8> : !pe.map<1x4x4, direct, 3, block 1, pitch 1>
    }
  } : !pe.map<3x4x4, radix, 4, block 2, pitch 2>
  %v = pe.layer "out" with @readout steps 4 pixels [4, 4] {
    pe.tile channels [0, 1] params {} {
      pe.stream %m bounds [4, 4] advance 1 runs dense<[[0, 0, 0, 1, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x2x2xi8> : !pe.map<3x4x4, radix, 4, block 2, pitch 2>
    }
  } : !pe.potentials<1x4x4>
  pe.send %v : !pe.potentials<1x4x4>
}

// -----

// Blocks are as large as tiles, because a tile writes one.
pe.program @net array #pe.array<banks = 2, channels = 2, planes = 4, weight_bits = 4, acc_bits = 10, membrane_bits = 16, fifo = 4, drain = 1> {
  %hi, %lo = pe.receive bits 8 : !pe.map<1x4x4, direct, 4, block 1, pitch 1>, !pe.map<1x4x4, direct, 4, block 1, pitch 1>
// expected-error @below {{result must be in blocks of 2 channels}}
  %m = pe.layer "conv1" with @radix steps 4 pixels [4, 4] {
    pe.tile channels [0, 2] params {theta = dense<3> : tensor<2xi32>} {
      pe.stream %hi shift 4 bounds [4, 4] advance 1 by_bank runs dense<[[0, 0, 0, 3, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x3x2xi8> : !pe.map<1x4x4, direct, 4, block 1, pitch 1>
      pe.stream %lo bounds [4, 4] advance 1 by_bank runs dense<[[0, 0, 0, 3, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x3x2xi8> : !pe.map<1x4x4, direct, 4, block 1, pitch 1>
    }
    pe.tile channels [2, 1] params {theta = dense<3> : tensor<1xi32>} {
      pe.stream %lo bounds [4, 4] advance 1 by_bank runs dense<[[0, 0, 0, 3, 0]]> : tensor<1x5xi32> weights dense<7> : tensor<2x3x2xi8> : !pe.map<1x4x4, direct, 4, block 1, pitch 1>
    }
  } : !pe.map<3x4x4, radix, 4, block 3, pitch 3>
  %v = pe.layer "out" with @readout steps 4 pixels [4, 4] {
    pe.tile channels [0, 1] params {} {
      pe.stream %m bounds [4, 4] advance 1 runs dense<[[0, 0, 0, 1, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x2x2xi8> : !pe.map<3x4x4, radix, 4, block 3, pitch 3>
    }
  } : !pe.potentials<1x4x4>
  pe.send %v : !pe.potentials<1x4x4>
}

// -----

// The window of the pool decides the shape of the result.
pe.program @net array #pe.array<banks = 2, channels = 2, planes = 4, weight_bits = 4, acc_bits = 10, membrane_bits = 16, fifo = 4, drain = 1> {
  %hi, %lo = pe.receive bits 8 : !pe.map<1x4x4, direct, 4, block 1, pitch 1>, !pe.map<1x4x4, direct, 4, block 1, pitch 1>
// expected-error @below {{the window leaves 2x2 pixels, the result has 4x4}}
  %m = pe.layer "conv1" with @radix steps 4 pixels [4, 4] kernel [2, 2] strides [2, 2] {
    pe.tile channels [0, 2] params {theta = dense<3> : tensor<2xi32>} {
      pe.stream %hi shift 4 bounds [4, 4] advance 1 by_bank runs dense<[[0, 0, 0, 3, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x3x2xi8> : !pe.map<1x4x4, direct, 4, block 1, pitch 1>
      pe.stream %lo bounds [4, 4] advance 1 by_bank runs dense<[[0, 0, 0, 3, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x3x2xi8> : !pe.map<1x4x4, direct, 4, block 1, pitch 1>
    }
    pe.tile channels [2, 1] params {theta = dense<3> : tensor<1xi32>} {
      pe.stream %lo bounds [4, 4] advance 1 by_bank runs dense<[[0, 0, 0, 3, 0]]> : tensor<1x5xi32> weights dense<7> : tensor<2x3x2xi8> : !pe.map<1x4x4, direct, 4, block 1, pitch 1>
    }
  } : !pe.map<3x4x4, radix, 4, block 2, pitch 2>
  %v = pe.layer "out" with @readout steps 4 pixels [4, 4] {
    pe.tile channels [0, 1] params {} {
      pe.stream %m bounds [4, 4] advance 1 runs dense<[[0, 0, 0, 1, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x2x2xi8> : !pe.map<3x4x4, radix, 4, block 2, pitch 2>
    }
  } : !pe.potentials<1x4x4>
  pe.send %v : !pe.potentials<1x4x4>
}

// -----

pe.program @net array #pe.array<banks = 2, channels = 2, planes = 4, weight_bits = 4, acc_bits = 10, membrane_bits = 16, fifo = 4, drain = 1> {
  %hi, %lo = pe.receive bits 8 : !pe.map<1x4x4, direct, 4, block 1, pitch 1>, !pe.map<1x4x4, direct, 4, block 1, pitch 1>
// expected-error @below {{result and steps disagree}}
  %m = pe.layer "conv1" with @radix steps 3 pixels [4, 4] {
    pe.tile channels [0, 2] params {theta = dense<3> : tensor<2xi32>} {
      pe.stream %hi shift 4 bounds [4, 4] advance 1 by_bank runs dense<[[0, 0, 0, 3, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x3x2xi8> : !pe.map<1x4x4, direct, 4, block 1, pitch 1>
      pe.stream %lo bounds [4, 4] advance 1 by_bank runs dense<[[0, 0, 0, 3, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x3x2xi8> : !pe.map<1x4x4, direct, 4, block 1, pitch 1>
    }
    pe.tile channels [2, 1] params {theta = dense<3> : tensor<1xi32>} {
      pe.stream %lo bounds [4, 4] advance 1 by_bank runs dense<[[0, 0, 0, 3, 0]]> : tensor<1x5xi32> weights dense<7> : tensor<2x3x2xi8> : !pe.map<1x4x4, direct, 4, block 1, pitch 1>
    }
  } : !pe.map<3x4x4, radix, 4, block 2, pitch 2>
  %v = pe.layer "out" with @readout steps 4 pixels [4, 4] {
    pe.tile channels [0, 1] params {} {
      pe.stream %m bounds [4, 4] advance 1 runs dense<[[0, 0, 0, 1, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x2x2xi8> : !pe.map<3x4x4, radix, 4, block 2, pitch 2>
    }
  } : !pe.potentials<1x4x4>
  pe.send %v : !pe.potentials<1x4x4>
}

// -----

pe.program @net array #pe.array<banks = 2, channels = 2, planes = 4, weight_bits = 4, acc_bits = 10, membrane_bits = 16, fifo = 4, drain = 1> {
  %hi, %lo = pe.receive bits 8 : !pe.map<1x4x4, direct, 4, block 1, pitch 1>, !pe.map<1x4x4, direct, 4, block 1, pitch 1>
// expected-error @below {{tiles must cover the channels in order, 2 at a time; expected one at 2}}
  %m = pe.layer "conv1" with @radix steps 4 pixels [4, 4] {
    pe.tile channels [0, 2] params {theta = dense<3> : tensor<2xi32>} {
      pe.stream %hi shift 4 bounds [4, 4] advance 1 by_bank runs dense<[[0, 0, 0, 3, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x3x2xi8> : !pe.map<1x4x4, direct, 4, block 1, pitch 1>
      pe.stream %lo bounds [4, 4] advance 1 by_bank runs dense<[[0, 0, 0, 3, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x3x2xi8> : !pe.map<1x4x4, direct, 4, block 1, pitch 1>
    }
    pe.tile channels [1, 1] params {theta = dense<3> : tensor<1xi32>} {
      pe.stream %lo bounds [4, 4] advance 1 by_bank runs dense<[[0, 0, 0, 3, 0]]> : tensor<1x5xi32> weights dense<7> : tensor<2x3x2xi8> : !pe.map<1x4x4, direct, 4, block 1, pitch 1>
    }
  } : !pe.map<3x4x4, radix, 4, block 2, pitch 2>
  %v = pe.layer "out" with @readout steps 4 pixels [4, 4] {
    pe.tile channels [0, 1] params {} {
      pe.stream %m bounds [4, 4] advance 1 runs dense<[[0, 0, 0, 1, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x2x2xi8> : !pe.map<3x4x4, radix, 4, block 2, pitch 2>
    }
  } : !pe.potentials<1x4x4>
  pe.send %v : !pe.potentials<1x4x4>
}

// -----

pe.program @net array #pe.array<banks = 2, channels = 2, planes = 4, weight_bits = 4, acc_bits = 10, membrane_bits = 16, fifo = 4, drain = 1> {
  %hi, %lo = pe.receive bits 8 : !pe.map<1x4x4, direct, 4, block 1, pitch 1>, !pe.map<1x4x4, direct, 4, block 1, pitch 1>
// expected-error @below {{tiles cover 3 of 4 channels}}
  %m = pe.layer "conv1" with @radix steps 4 pixels [4, 4] {
    pe.tile channels [0, 2] params {theta = dense<3> : tensor<2xi32>} {
      pe.stream %hi shift 4 bounds [4, 4] advance 1 by_bank runs dense<[[0, 0, 0, 3, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x3x2xi8> : !pe.map<1x4x4, direct, 4, block 1, pitch 1>
      pe.stream %lo bounds [4, 4] advance 1 by_bank runs dense<[[0, 0, 0, 3, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x3x2xi8> : !pe.map<1x4x4, direct, 4, block 1, pitch 1>
    }
    pe.tile channels [2, 1] params {theta = dense<3> : tensor<1xi32>} {
      pe.stream %lo bounds [4, 4] advance 1 by_bank runs dense<[[0, 0, 0, 3, 0]]> : tensor<1x5xi32> weights dense<7> : tensor<2x3x2xi8> : !pe.map<1x4x4, direct, 4, block 1, pitch 1>
    }
  } : !pe.map<4x4x4, radix, 4, block 2, pitch 2>
  %v = pe.layer "out" with @readout steps 4 pixels [4, 4] {
    pe.tile channels [0, 1] params {} {
      pe.stream %m bounds [4, 4] advance 1 runs dense<[[0, 0, 0, 1, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x2x2xi8> : !pe.map<4x4x4, radix, 4, block 2, pitch 2>
    }
  } : !pe.potentials<1x4x4>
  pe.send %v : !pe.potentials<1x4x4>
}

// -----

pe.program @net array #pe.array<banks = 2, channels = 2, planes = 4, weight_bits = 4, acc_bits = 10, membrane_bits = 16, fifo = 4, drain = 1> {
  %hi, %lo = pe.receive bits 8 : !pe.map<1x4x4, direct, 4, block 1, pitch 1>, !pe.map<1x4x4, direct, 4, block 1, pitch 1>
  %m = pe.layer "conv1" with @radix steps 4 pixels [4, 4] {
    pe.tile channels [0, 2] params {theta = dense<3> : tensor<2xi32>} {
      pe.stream %hi shift 4 bounds [4, 4] advance 1 by_bank runs dense<[[0, 0, 0, 3, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x3x2xi8> : !pe.map<1x4x4, direct, 4, block 1, pitch 1>
      pe.stream %lo bounds [4, 4] advance 1 by_bank runs dense<[[0, 0, 0, 3, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x3x2xi8> : !pe.map<1x4x4, direct, 4, block 1, pitch 1>
    }
// expected-error @below {{parameter theta must be a tensor of 1 channels}}
    pe.tile channels [2, 1] params {theta = dense<3> : tensor<2xi32>} {
      pe.stream %lo bounds [4, 4] advance 1 by_bank runs dense<[[0, 0, 0, 3, 0]]> : tensor<1x5xi32> weights dense<7> : tensor<2x3x2xi8> : !pe.map<1x4x4, direct, 4, block 1, pitch 1>
    }
  } : !pe.map<3x4x4, radix, 4, block 2, pitch 2>
  %v = pe.layer "out" with @readout steps 4 pixels [4, 4] {
    pe.tile channels [0, 1] params {} {
      pe.stream %m bounds [4, 4] advance 1 runs dense<[[0, 0, 0, 1, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x2x2xi8> : !pe.map<3x4x4, radix, 4, block 2, pitch 2>
    }
  } : !pe.potentials<1x4x4>
  pe.send %v : !pe.potentials<1x4x4>
}

// -----

// The accumulators are shifted left between phases, never right.
pe.program @net array #pe.array<banks = 2, channels = 2, planes = 4, weight_bits = 4, acc_bits = 10, membrane_bits = 16, fifo = 4, drain = 1> {
  %hi, %lo = pe.receive bits 8 : !pe.map<1x4x4, direct, 4, block 1, pitch 1>, !pe.map<1x4x4, direct, 4, block 1, pitch 1>
  %m = pe.layer "conv1" with @radix steps 4 pixels [4, 4] {
// expected-error @below {{shifts [4, 5] must fall, and the last be 0}}
    pe.tile channels [0, 2] params {theta = dense<3> : tensor<2xi32>} {
      pe.stream %hi shift 4 bounds [4, 4] advance 1 by_bank runs dense<[[0, 0, 0, 3, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x3x2xi8> : !pe.map<1x4x4, direct, 4, block 1, pitch 1>
      pe.stream %lo shift 5 bounds [4, 4] advance 1 by_bank runs dense<[[0, 0, 0, 3, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x3x2xi8> : !pe.map<1x4x4, direct, 4, block 1, pitch 1>
    }
    pe.tile channels [2, 1] params {theta = dense<3> : tensor<1xi32>} {
      pe.stream %lo bounds [4, 4] advance 1 by_bank runs dense<[[0, 0, 0, 3, 0]]> : tensor<1x5xi32> weights dense<7> : tensor<2x3x2xi8> : !pe.map<1x4x4, direct, 4, block 1, pitch 1>
    }
  } : !pe.map<3x4x4, radix, 4, block 2, pitch 2>
  %v = pe.layer "out" with @readout steps 4 pixels [4, 4] {
    pe.tile channels [0, 1] params {} {
      pe.stream %m bounds [4, 4] advance 1 runs dense<[[0, 0, 0, 1, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x2x2xi8> : !pe.map<3x4x4, radix, 4, block 2, pitch 2>
    }
  } : !pe.potentials<1x4x4>
  pe.send %v : !pe.potentials<1x4x4>
}

// -----

// The last phase is what counts once.
pe.program @net array #pe.array<banks = 2, channels = 2, planes = 4, weight_bits = 4, acc_bits = 10, membrane_bits = 16, fifo = 4, drain = 1> {
  %hi, %lo = pe.receive bits 8 : !pe.map<1x4x4, direct, 4, block 1, pitch 1>, !pe.map<1x4x4, direct, 4, block 1, pitch 1>
  %m = pe.layer "conv1" with @radix steps 4 pixels [4, 4] {
    pe.tile channels [0, 2] params {theta = dense<3> : tensor<2xi32>} {
      pe.stream %hi shift 4 bounds [4, 4] advance 1 by_bank runs dense<[[0, 0, 0, 3, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x3x2xi8> : !pe.map<1x4x4, direct, 4, block 1, pitch 1>
      pe.stream %lo bounds [4, 4] advance 1 by_bank runs dense<[[0, 0, 0, 3, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x3x2xi8> : !pe.map<1x4x4, direct, 4, block 1, pitch 1>
    }
// expected-error @below {{shifts [1] must fall, and the last be 0}}
    pe.tile channels [2, 1] params {theta = dense<3> : tensor<1xi32>} {
      pe.stream %lo shift 1 bounds [4, 4] advance 1 by_bank runs dense<[[0, 0, 0, 3, 0]]> : tensor<1x5xi32> weights dense<7> : tensor<2x3x2xi8> : !pe.map<1x4x4, direct, 4, block 1, pitch 1>
    }
  } : !pe.map<3x4x4, radix, 4, block 2, pitch 2>
  %v = pe.layer "out" with @readout steps 4 pixels [4, 4] {
    pe.tile channels [0, 1] params {} {
      pe.stream %m bounds [4, 4] advance 1 runs dense<[[0, 0, 0, 1, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x2x2xi8> : !pe.map<3x4x4, radix, 4, block 2, pitch 2>
    }
  } : !pe.potentials<1x4x4>
  pe.send %v : !pe.potentials<1x4x4>
}

// -----

pe.program @net array #pe.array<banks = 2, channels = 2, planes = 4, weight_bits = 4, acc_bits = 10, membrane_bits = 16, fifo = 4, drain = 1> {
  %hi, %lo = pe.receive bits 8 : !pe.map<1x4x4, direct, 4, block 1, pitch 1>, !pe.map<1x4x4, direct, 4, block 1, pitch 1>
  %m = pe.layer "conv1" with @radix steps 4 pixels [4, 4] {
    pe.tile channels [0, 2] params {theta = dense<3> : tensor<2xi32>} {
      pe.stream %hi shift 4 bounds [4, 4] advance 1 by_bank runs dense<[[0, 0, 0, 3, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x3x2xi8> : !pe.map<1x4x4, direct, 4, block 1, pitch 1>
      pe.stream %lo bounds [4, 4] advance 1 by_bank runs dense<[[0, 0, 0, 3, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x3x2xi8> : !pe.map<1x4x4, direct, 4, block 1, pitch 1>
    }
// expected-error @below {{a weight does not fit the array's 4 bits}}
    pe.tile channels [2, 1] params {theta = dense<3> : tensor<1xi32>} {
      pe.stream %lo bounds [4, 4] advance 1 by_bank runs dense<[[0, 0, 0, 3, 0]]> : tensor<1x5xi32> weights dense<8> : tensor<2x3x2xi8> : !pe.map<1x4x4, direct, 4, block 1, pitch 1>
    }
  } : !pe.map<3x4x4, radix, 4, block 2, pitch 2>
  %v = pe.layer "out" with @readout steps 4 pixels [4, 4] {
    pe.tile channels [0, 1] params {} {
      pe.stream %m bounds [4, 4] advance 1 runs dense<[[0, 0, 0, 1, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x2x2xi8> : !pe.map<3x4x4, radix, 4, block 2, pitch 2>
    }
  } : !pe.potentials<1x4x4>
  pe.send %v : !pe.potentials<1x4x4>
}

// -----

pe.program @net array #pe.array<banks = 2, channels = 2, planes = 4, weight_bits = 4, acc_bits = 10, membrane_bits = 16, fifo = 4, drain = 1> {
  %hi, %lo = pe.receive bits 8 : !pe.map<1x4x4, direct, 4, block 1, pitch 1>, !pe.map<1x4x4, direct, 4, block 1, pitch 1>
  %m = pe.layer "conv1" with @radix steps 4 pixels [4, 4] {
    pe.tile channels [0, 2] params {theta = dense<3> : tensor<2xi32>} {
      pe.stream %hi shift 4 bounds [4, 4] advance 1 by_bank runs dense<[[0, 0, 0, 3, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x3x2xi8> : !pe.map<1x4x4, direct, 4, block 1, pitch 1>
      pe.stream %lo bounds [4, 4] advance 1 by_bank runs dense<[[0, 0, 0, 3, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x3x2xi8> : !pe.map<1x4x4, direct, 4, block 1, pitch 1>
    }
// expected-error @below {{weights have 2 banks of 3 channels, the array 2 of 2}}
    pe.tile channels [2, 1] params {theta = dense<3> : tensor<1xi32>} {
      pe.stream %lo bounds [4, 4] advance 1 by_bank runs dense<[[0, 0, 0, 3, 0]]> : tensor<1x5xi32> weights dense<7> : tensor<2x3x3xi8> : !pe.map<1x4x4, direct, 4, block 1, pitch 1>
    }
  } : !pe.map<3x4x4, radix, 4, block 2, pitch 2>
  %v = pe.layer "out" with @readout steps 4 pixels [4, 4] {
    pe.tile channels [0, 1] params {} {
      pe.stream %m bounds [4, 4] advance 1 runs dense<[[0, 0, 0, 1, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x2x2xi8> : !pe.map<3x4x4, radix, 4, block 2, pitch 2>
    }
  } : !pe.potentials<1x4x4>
  pe.send %v : !pe.potentials<1x4x4>
}

// -----

pe.program @net array #pe.array<banks = 2, channels = 2, planes = 4, weight_bits = 4, acc_bits = 10, membrane_bits = 16, fifo = 4, drain = 1> {
  %hi, %lo = pe.receive bits 8 : !pe.map<1x4x4, direct, 4, block 1, pitch 1>, !pe.map<1x4x4, direct, 4, block 1, pitch 1>
  %m = pe.layer "conv1" with @radix steps 4 pixels [4, 4] {
    pe.tile channels [0, 2] params {theta = dense<3> : tensor<2xi32>} {
      pe.stream %hi shift 4 bounds [4, 4] advance 1 by_bank runs dense<[[0, 0, 0, 3, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x3x2xi8> : !pe.map<1x4x4, direct, 4, block 1, pitch 1>
      pe.stream %lo bounds [4, 4] advance 1 by_bank runs dense<[[0, 0, 0, 3, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x3x2xi8> : !pe.map<1x4x4, direct, 4, block 1, pitch 1>
    }
    pe.tile channels [2, 1] params {theta = dense<3> : tensor<1xi32>} {
      pe.stream %lo bounds [4, 4] advance 1 by_bank runs dense<[[0, 0, 0, 3, 0]]> : tensor<1x5xi32> weights dense<7> : tensor<2x3x2xi8> : !pe.map<1x4x4, direct, 4, block 1, pitch 1>
    }
  } : !pe.map<3x4x4, radix, 4, block 2, pitch 2>
  %v = pe.layer "out" with @readout steps 4 pixels [4, 4] {
    pe.tile channels [0, 1] params {} {
// expected-error @below {{a run names a block outside the map's 2}}
      pe.stream %m bounds [4, 4] advance 1 runs dense<[[2, 0, 0, 1, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x2x2xi8> : !pe.map<3x4x4, radix, 4, block 2, pitch 2>
    }
  } : !pe.potentials<1x4x4>
  pe.send %v : !pe.potentials<1x4x4>
}

// -----

pe.program @net array #pe.array<banks = 2, channels = 2, planes = 4, weight_bits = 4, acc_bits = 10, membrane_bits = 16, fifo = 4, drain = 1> {
  %hi, %lo = pe.receive bits 8 : !pe.map<1x4x4, direct, 4, block 1, pitch 1>, !pe.map<1x4x4, direct, 4, block 1, pitch 1>
  %m = pe.layer "conv1" with @radix steps 4 pixels [4, 4] {
    pe.tile channels [0, 2] params {theta = dense<3> : tensor<2xi32>} {
      pe.stream %hi shift 4 bounds [4, 4] advance 1 by_bank runs dense<[[0, 0, 0, 3, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x3x2xi8> : !pe.map<1x4x4, direct, 4, block 1, pitch 1>
      pe.stream %lo bounds [4, 4] advance 1 by_bank runs dense<[[0, 0, 0, 3, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x3x2xi8> : !pe.map<1x4x4, direct, 4, block 1, pitch 1>
    }
    pe.tile channels [2, 1] params {theta = dense<3> : tensor<1xi32>} {
      pe.stream %lo bounds [4, 4] advance 1 by_bank runs dense<[[0, 0, 0, 3, 0]]> : tensor<1x5xi32> weights dense<7> : tensor<2x3x2xi8> : !pe.map<1x4x4, direct, 4, block 1, pitch 1>
    }
  } : !pe.map<3x4x4, radix, 4, block 2, pitch 2>
  %v = pe.layer "out" with @readout steps 4 pixels [4, 4] {
    pe.tile channels [0, 1] params {} {
// expected-error @below {{a run has no pixel}}
      pe.stream %m bounds [4, 4] advance 1 runs dense<[[0, 0, 0, 0, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x2x2xi8> : !pe.map<3x4x4, radix, 4, block 2, pitch 2>
    }
  } : !pe.potentials<1x4x4>
  pe.send %v : !pe.potentials<1x4x4>
}

// -----

pe.program @net array #pe.array<banks = 2, channels = 2, planes = 4, weight_bits = 4, acc_bits = 10, membrane_bits = 16, fifo = 4, drain = 1> {
  %hi, %lo = pe.receive bits 8 : !pe.map<1x4x4, direct, 4, block 1, pitch 1>, !pe.map<1x4x4, direct, 4, block 1, pitch 1>
  %m = pe.layer "conv1" with @radix steps 4 pixels [4, 4] {
    pe.tile channels [0, 2] params {theta = dense<3> : tensor<2xi32>} {
      pe.stream %hi shift 4 bounds [4, 4] advance 1 by_bank runs dense<[[0, 0, 0, 3, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x3x2xi8> : !pe.map<1x4x4, direct, 4, block 1, pitch 1>
      pe.stream %lo bounds [4, 4] advance 1 by_bank runs dense<[[0, 0, 0, 3, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x3x2xi8> : !pe.map<1x4x4, direct, 4, block 1, pitch 1>
    }
    pe.tile channels [2, 1] params {theta = dense<3> : tensor<1xi32>} {
      pe.stream %lo bounds [4, 4] advance 1 by_bank runs dense<[[0, 0, 0, 3, 0]]> : tensor<1x5xi32> weights dense<7> : tensor<2x3x2xi8> : !pe.map<1x4x4, direct, 4, block 1, pitch 1>
    }
  } : !pe.map<3x4x4, radix, 4, block 2, pitch 2>
  %v = pe.layer "out" with @readout steps 4 pixels [4, 4] {
    pe.tile channels [0, 1] params {} {
// expected-error @below {{bounds reach outside the map}}
      pe.stream %m bounds [5, 4] advance 1 runs dense<[[0, 0, 0, 1, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x2x2xi8> : !pe.map<3x4x4, radix, 4, block 2, pitch 2>
    }
  } : !pe.potentials<1x4x4>
  pe.send %v : !pe.potentials<1x4x4>
}

// -----

pe.program @net array #pe.array<banks = 2, channels = 2, planes = 4, weight_bits = 4, acc_bits = 10, membrane_bits = 16, fifo = 4, drain = 1> {
  %hi, %lo = pe.receive bits 8 : !pe.map<1x4x4, direct, 4, block 1, pitch 1>, !pe.map<1x4x4, direct, 4, block 1, pitch 1>
  %m = pe.layer "conv1" with @radix steps 4 pixels [4, 4] {
    pe.tile channels [0, 2] params {theta = dense<3> : tensor<2xi32>} {
      pe.stream %hi shift 4 bounds [4, 4] advance 1 by_bank runs dense<[[0, 0, 0, 3, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x3x2xi8> : !pe.map<1x4x4, direct, 4, block 1, pitch 1>
      pe.stream %lo bounds [4, 4] advance 1 by_bank runs dense<[[0, 0, 0, 3, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x3x2xi8> : !pe.map<1x4x4, direct, 4, block 1, pitch 1>
    }
    pe.tile channels [2, 1] params {theta = dense<3> : tensor<1xi32>} {
      pe.stream %lo bounds [4, 4] advance 1 by_bank runs dense<[[0, 0, 0, 3, 0]]> : tensor<1x5xi32> weights dense<7> : tensor<2x3x2xi8> : !pe.map<1x4x4, direct, 4, block 1, pitch 1>
    }
  } : !pe.map<3x4x4, radix, 4, block 2, pitch 2>
  %v = pe.layer "out" with @readout steps 4 pixels [4, 4] {
    pe.tile channels [0, 1] params {} {
// expected-error @below {{runs must be a tensor of rows (block, dy, dx, length, row)}}
      pe.stream %m bounds [4, 4] advance 1 runs dense<[[0, 0, 0, 1]]> : tensor<1x4xi32> weights dense<1> : tensor<2x2x2xi8> : !pe.map<3x4x4, radix, 4, block 2, pitch 2>
    }
  } : !pe.potentials<1x4x4>
  pe.send %v : !pe.potentials<1x4x4>
}

// -----

// expected-error @below {{holds one pe.receive, then pe.layer ops, then one pe.send}}
pe.program @net array #pe.array<banks = 2, channels = 2, planes = 4, weight_bits = 4, acc_bits = 10, membrane_bits = 16, fifo = 4, drain = 1> {
  %hi, %lo = pe.receive bits 8 : !pe.map<1x4x4, direct, 4, block 1, pitch 1>, !pe.map<1x4x4, direct, 4, block 1, pitch 1>
  %m = pe.layer "conv1" with @radix steps 4 pixels [4, 4] {
    pe.tile channels [0, 2] params {theta = dense<3> : tensor<2xi32>} {
      pe.stream %hi shift 4 bounds [4, 4] advance 1 by_bank runs dense<[[0, 0, 0, 3, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x3x2xi8> : !pe.map<1x4x4, direct, 4, block 1, pitch 1>
      pe.stream %lo bounds [4, 4] advance 1 by_bank runs dense<[[0, 0, 0, 3, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x3x2xi8> : !pe.map<1x4x4, direct, 4, block 1, pitch 1>
    }
    pe.tile channels [2, 1] params {theta = dense<3> : tensor<1xi32>} {
      pe.stream %lo bounds [4, 4] advance 1 by_bank runs dense<[[0, 0, 0, 3, 0]]> : tensor<1x5xi32> weights dense<7> : tensor<2x3x2xi8> : !pe.map<1x4x4, direct, 4, block 1, pitch 1>
    }
  } : !pe.map<3x4x4, radix, 4, block 2, pitch 2>
  %v = pe.layer "out" with @readout steps 4 pixels [4, 4] {
    pe.tile channels [0, 1] params {} {
      pe.stream %m bounds [4, 4] advance 1 runs dense<[[0, 0, 0, 1, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x2x2xi8> : !pe.map<3x4x4, radix, 4, block 2, pitch 2>
    }
  } : !pe.potentials<1x4x4>
}

// -----

// expected-error @below {{ring must be a power of two}}
pe.program @streams array #pe.array<banks = 1, channels = 1, planes = 1, weight_bits = 2, acc_bits = 2, membrane_bits = 2, fifo = 2, drain = 1> ring 5 {
  %x = pe.receive bits 1 : !pe.map<1x1x1, direct, 1, block 1, pitch 1>
  %v = pe.layer "out" with @keep steps 1 pixels [1, 1] {
    pe.tile channels [0, 1] params {} {
      pe.stream %x bounds [1, 1] advance 0 runs dense<[[0, 0, 0, 1, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<1x1x1xi8> : !pe.map<1x1x1, direct, 1, block 1, pitch 1>
    }
  } : !pe.potentials<1x1x1>
  pe.send %v : !pe.potentials<1x1x1>
}

// -----

// expected-error @below {{batch must be 2 to 8}}
pe.program @batch array #pe.array<banks = 1, channels = 1, planes = 1, weight_bits = 2, acc_bits = 2, membrane_bits = 2, fifo = 2, drain = 1> ring 2 batch 9 {
  %x = pe.receive bits 1 : !pe.map<1x1x1, direct, 1, block 1, pitch 1>
  %v = pe.layer "out" with @keep steps 1 pixels [1, 1] shared {
    pe.tile channels [0, 1] params {} {
      pe.stream %x bounds [1, 1] advance 0 runs dense<[[0, 0, 0, 1, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<1x1x1xi8> : !pe.map<1x1x1, direct, 1, block 1, pitch 1>
    }
  } : !pe.potentials<1x1x1>
  pe.send %v : !pe.potentials<1x1x1>
}

// -----

// The address of a map in DDR is that of a burst.
pe.program @net array #pe.array<banks = 2, channels = 2, planes = 4, weight_bits = 4, acc_bits = 10, membrane_bits = 20, fifo = 4, drain = 1> {
  // expected-error @below {{at must be a multiple of 128 bytes}}
  %b = pe.buffer "a" at 64 : !pe.ddr<!pe.map<2x4x4, direct, 4, block 2, pitch 2>>
  %x = pe.receive bits 4 : !pe.map<2x4x4, direct, 4, block 2, pitch 2>
  %v = pe.layer "out" with @keep steps 4 pixels [4, 4] {
    pe.tile channels [0, 1] params {} {
      pe.stream %x bounds [4, 4] advance 1 runs dense<[[0, 0, 0, 1, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x1x2xi8> : !pe.map<2x4x4, direct, 4, block 2, pitch 2>
    }
  } : !pe.potentials<1x4x4>
  pe.send %v : !pe.potentials<1x4x4>
}

// -----

// expected-error @below {{a batch shares weights from DDR, which needs a ring}}
pe.program @batch array #pe.array<banks = 1, channels = 1, planes = 1, weight_bits = 2, acc_bits = 2, membrane_bits = 2, fifo = 2, drain = 1> batch 2 {
  %x = pe.receive bits 1 : !pe.map<1x1x1, direct, 1, block 1, pitch 1>
  %v = pe.layer "out" with @keep steps 1 pixels [1, 1] shared {
    pe.tile channels [0, 1] params {} {
      pe.stream %x bounds [1, 1] advance 0 runs dense<[[0, 0, 0, 1, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<1x1x1xi8> : !pe.map<1x1x1, direct, 1, block 1, pitch 1>
    }
  } : !pe.potentials<1x1x1>
  pe.send %v : !pe.potentials<1x1x1>
}

// -----

// There is no fifth row.
pe.program @net array #pe.array<banks = 2, channels = 2, planes = 4, weight_bits = 4, acc_bits = 10, membrane_bits = 20, fifo = 4, drain = 1> {
  %b = pe.buffer "a" : !pe.ddr<!pe.map<2x4x4, direct, 4, block 2, pitch 2>>
  %x = pe.receive bits 4 : !pe.map<2x4x4, direct, 4, block 2, pitch 2>
  // expected-error @below {{rows 3 to 4 are not among 4}}
  %y = pe.load "l", %b row 3 : !pe.ddr<!pe.map<2x4x4, direct, 4, block 2, pitch 2>> -> !pe.map<2x2x4, direct, 4, block 2, pitch 2>
  %v = pe.layer "out" with @keep steps 4 pixels [4, 4] {
    pe.tile channels [0, 1] params {} {
      pe.stream %x bounds [4, 4] advance 1 runs dense<[[0, 0, 0, 1, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x1x2xi8> : !pe.map<2x4x4, direct, 4, block 2, pitch 2>
    }
  } : !pe.potentials<1x4x4>
  pe.send %v : !pe.potentials<1x4x4>
}

// -----

// expected-error @below {{a batch shares the readout at least}}
pe.program @batch array #pe.array<banks = 1, channels = 1, planes = 1, weight_bits = 2, acc_bits = 2, membrane_bits = 2, fifo = 2, drain = 1> ring 2 batch 2 {
  %x = pe.receive bits 1 : !pe.map<1x1x1, direct, 1, block 1, pitch 1>
  %v = pe.layer "out" with @keep steps 1 pixels [1, 1] {
    pe.tile channels [0, 1] params {} {
      pe.stream %x bounds [1, 1] advance 0 runs dense<[[0, 0, 0, 1, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<1x1x1xi8> : !pe.map<1x1x1, direct, 1, block 1, pitch 1>
    }
  } : !pe.potentials<1x1x1>
  pe.send %v : !pe.potentials<1x1x1>
}

// -----

// Rows of another map.
pe.program @net array #pe.array<banks = 2, channels = 2, planes = 4, weight_bits = 4, acc_bits = 10, membrane_bits = 20, fifo = 4, drain = 1> {
  %b = pe.buffer "a" : !pe.ddr<!pe.map<2x4x5, direct, 4, block 2, pitch 2>>
  %x = pe.receive bits 4 : !pe.map<2x4x4, direct, 4, block 2, pitch 2>
  // expected-error @below {{the rows on the chip are of another map than}}
  pe.store "s", %x, %b row 0 : !pe.map<2x4x4, direct, 4, block 2, pitch 2>, !pe.ddr<!pe.map<2x4x5, direct, 4, block 2, pitch 2>>
  %v = pe.layer "out" with @keep steps 4 pixels [4, 4] {
    pe.tile channels [0, 1] params {} {
      pe.stream %x bounds [4, 4] advance 1 runs dense<[[0, 0, 0, 1, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x1x2xi8> : !pe.map<2x4x4, direct, 4, block 2, pitch 2>
    }
  } : !pe.potentials<1x4x4>
  pe.send %v : !pe.potentials<1x4x4>
}

// -----

// expected-error @below {{shared layers need a batch}}
pe.program @batch array #pe.array<banks = 1, channels = 1, planes = 1, weight_bits = 2, acc_bits = 2, membrane_bits = 2, fifo = 2, drain = 1> ring 2 {
  %x = pe.receive bits 1 : !pe.map<1x1x1, direct, 1, block 1, pitch 1>
  %v = pe.layer "out" with @keep steps 1 pixels [1, 1] shared {
    pe.tile channels [0, 1] params {} {
      pe.stream %x bounds [1, 1] advance 0 runs dense<[[0, 0, 0, 1, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<1x1x1xi8> : !pe.map<1x1x1, direct, 1, block 1, pitch 1>
    }
  } : !pe.potentials<1x1x1>
  pe.send %v : !pe.potentials<1x1x1>
}

// -----

// A whole image is received once.
// expected-error @below {{several pe.receive need the rows of one image}}
pe.program @net array #pe.array<banks = 2, channels = 2, planes = 4, weight_bits = 4, acc_bits = 10, membrane_bits = 20, fifo = 4, drain = 1> {
  %x = pe.receive bits 4 : !pe.map<2x4x4, direct, 4, block 2, pitch 2>
  %y = pe.receive bits 4 : !pe.map<2x4x4, direct, 4, block 2, pitch 2>
  %v = pe.layer "out" with @keep steps 4 pixels [4, 4] {
    pe.tile channels [0, 1] params {} {
      pe.stream %x bounds [4, 4] advance 1 runs dense<[[0, 0, 0, 1, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<2x1x2xi8> : !pe.map<2x4x4, direct, 4, block 2, pitch 2>
    }
  } : !pe.potentials<1x4x4>
  pe.send %v : !pe.potentials<1x4x4>
}

// -----

// What this window has fired cannot act before it.
pe.program @window array #pe.array<banks = 2, channels = 2, planes = 4, weight_bits = 3, acc_bits = 6, membrane_bits = 10, fifo = 16, drain = 1> windows 5 window_stride [2, 1] {
  %0 = pe.receive bits 4 places [#pe.place<events = 0, capacity = 2, pointers = 0>] : !pe.map<4x1x1, rate, 4, block 4, pitch 4>
  %1 = pe.previous "input" : !pe.map<4x1x1, rate, 4, block 4, pitch 4>
  %2 = pe.layer "out" with @sum steps 4 pixels [1, 1] kept [10] {
    pe.tile channels [0, 2] weights_at 0 params_at 0 params {bias = dense<0> : tensor<2xi32>} {
      pe.stream %0 bounds [1, 1] advance 2 runs dense<[[0, 0, 0, 1, 0]]> : tensor<1x5xi32> weights dense<3> : tensor<2x2x2xi8> : !pe.map<4x1x1, rate, 4, block 4, pitch 4>
      pe.stream %0 delay 1 bounds [1, 1] advance 2 runs dense<[[0, 0, 0, 1, 0]]> : tensor<1x5xi32> weights dense<2> : tensor<2x2x2xi8> : !pe.map<4x1x1, rate, 4, block 4, pitch 4>
// expected-error @below {{only trains of the window before can be taken earlier}}
      pe.stream %0 delay -3 bounds [1, 1] advance 2 runs dense<[[0, 0, 0, 1, 0]]> : tensor<1x5xi32> weights dense<2> : tensor<2x2x2xi8> : !pe.map<4x1x1, rate, 4, block 4, pitch 4>
    }
  } : !pe.potentials<2x1x1>
  pe.send %2 : !pe.potentials<2x1x1>
}

// -----

pe.program @window array #pe.array<banks = 2, channels = 2, planes = 4, weight_bits = 3, acc_bits = 6, membrane_bits = 10, fifo = 16, drain = 1> windows 5 window_stride [2, 1] {
  %0 = pe.receive bits 4 places [#pe.place<events = 0, capacity = 2, pointers = 0>] : !pe.map<4x1x1, rate, 4, block 4, pitch 4>
  %1 = pe.previous "input" : !pe.map<4x1x1, rate, 4, block 4, pitch 4>
  %2 = pe.layer "out" with @sum steps 4 pixels [1, 1] kept [10] {
    pe.tile channels [0, 2] weights_at 0 params_at 0 params {bias = dense<0> : tensor<2xi32>} {
      pe.stream %0 bounds [1, 1] advance 2 runs dense<[[0, 0, 0, 1, 0]]> : tensor<1x5xi32> weights dense<3> : tensor<2x2x2xi8> : !pe.map<4x1x1, rate, 4, block 4, pitch 4>
      pe.stream %0 delay 1 bounds [1, 1] advance 2 runs dense<[[0, 0, 0, 1, 0]]> : tensor<1x5xi32> weights dense<2> : tensor<2x2x2xi8> : !pe.map<4x1x1, rate, 4, block 4, pitch 4>
// expected-error @below {{only rate-coded trains can be delayed, by less than their steps}}
      pe.stream %1 delay -4 bounds [1, 1] advance 2 runs dense<[[0, 0, 0, 1, 0]]> : tensor<1x5xi32> weights dense<2> : tensor<2x2x2xi8> : !pe.map<4x1x1, rate, 4, block 4, pitch 4>
    }
  } : !pe.potentials<2x1x1>
  pe.send %2 : !pe.potentials<2x1x1>
}
