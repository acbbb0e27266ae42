// RUN: snn-opt %s -p event-schedule --split-input-file --verify-diagnostics
// RUN: not snn-opt %s -p 'event-schedule{target=pynq}' 2>&1 | filecheck %s --check-prefix TARGET
// TARGET: error: pass 'event-schedule': unknown target 'pynq'; did you mean 'pynq-z2'?
// RUN: not snn-opt %s -p 'event-schedule{weights=flash}' 2>&1 | filecheck %s --check-prefix WEIGHTS
// WEIGHTS: error: pass 'event-schedule': weights=flash is impossible, use auto, onchip, stream
// RUN: not snn-opt %s -p 'event-schedule{batch=9}' 2>&1 | filecheck %s --check-prefix BATCH
// BATCH: error: pass 'event-schedule': batch=9 is impossible, use 1 to 8, or 0
// RUN: not snn-opt %s -p 'event-schedule{shared-from=a}' 2>&1 | filecheck %s --check-prefix ALONE
// ALONE: error: pass 'event-schedule': shared-from has no effect on one image; give a batch
// RUN: not snn-opt %S/event_schedule.mlir -p 'event-schedule{batch=2}' 2>&1 | filecheck %s --check-prefix ONCHIP
// ONCHIP: pe.program @net: batch=2 shares weights from DDR, and these are kept on the chip; use weights=stream, or batch=1
// RUN: not snn-opt %S/event_schedule.mlir -p 'event-schedule{weights=stream batch=2 shared-from=c}' 2>&1 | filecheck %s --check-prefix LABEL
// LABEL: pe.program @net: no layer 'c'; shared-from takes one of a, b, out

// expected-error @unknown {{no pe.program to schedule}}

// -----

// A map of 1024 channels of 128x128 pixels does not fit the event memory.
// expected-error @below {{BRAM36, pynq-z2 has 140: }}
pe.program @large array #pe.array<banks = 1, channels = 1, planes = 1, weight_bits = 2, acc_bits = 2, membrane_bits = 2, fifo = 2, drain = 1> {
  %x = pe.receive bits 1 : !pe.map<1024x128x128, direct, 1, block 1024, pitch 1024>
  %v = pe.layer "out" with @keep steps 1 pixels [1, 1] {
    pe.tile channels [0, 1] params {} {
      pe.stream %x bounds [128, 128] advance 1 runs dense<[[0, 0, 0, 1, 0]]> : tensor<1x5xi32> weights dense<1> : tensor<1x1024x1xi8> : !pe.map<1024x128x128, direct, 1, block 1024, pitch 1024>
    }
  } : !pe.potentials<1x1x1>
  pe.send %v : !pe.potentials<1x1x1>
}
