// RUN: snn-opt %s -p legalise-verilog --split-input-file --verify-diagnostics

hw.module @loop(in %a: i4, out q: i4) {
  %x = comb.add %y, %a : i4
  // expected-error @below {{module @loop: combinational loop through x, y; put a register into it}}
  %y = comb.and %x, %a : i4
  hw.output %y : i4
}

// -----

// expected-error @below {{module @port: port 'wire' is not a Verilog identifier; rename the port}}
hw.module @port(in %wire: i4, out q: i4) {
  hw.output %wire : i4
}

// -----

// expected-error @below {{module @twice: two ports are called 'q'}}
hw.module @twice(in %q: i4, out q: i4) {
  hw.output %q : i4
}

// -----

// expected-error @below {{module @array: port 'a' has type !hw.array<2xi4>}}
hw.module @array(in %a: !hw.array<2xi4>) {
  hw.output
}
