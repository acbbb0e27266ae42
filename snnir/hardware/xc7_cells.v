// Behaviour of the 7-series cells that lanes are made of, for simulation and proofs alone.
// Synthesis tools know these primitives; do not give them this file.

module LUT1 #(parameter [1:0] INIT = 2'd0) (input wire I0, output wire O);
  assign O = INIT[I0];
endmodule

module LUT2 #(parameter [3:0] INIT = 4'd0) (input wire I0, input wire I1, output wire O);
  assign O = INIT[{I1, I0}];
endmodule

module LUT3 #(parameter [7:0] INIT = 8'd0) (
  input wire I0, input wire I1, input wire I2, output wire O
);
  assign O = INIT[{I2, I1, I0}];
endmodule

module LUT4 #(parameter [15:0] INIT = 16'd0) (
  input wire I0, input wire I1, input wire I2, input wire I3, output wire O
);
  assign O = INIT[{I3, I2, I1, I0}];
endmodule

module LUT5 #(parameter [31:0] INIT = 32'd0) (
  input wire I0, input wire I1, input wire I2, input wire I3, input wire I4, output wire O
);
  assign O = INIT[{I4, I3, I2, I1, I0}];
endmodule

module LUT6 #(parameter [63:0] INIT = 64'd0) (
  input wire I0, input wire I1, input wire I2, input wire I3, input wire I4, input wire I5,
  output wire O
);
  assign O = INIT[{I5, I4, I3, I2, I1, I0}];
endmodule

// Two outputs: O6 of all inputs, O5 of I4 to I0 from the lower half of the contents.
module LUT6_2 #(parameter [63:0] INIT = 64'd0) (
  input wire I0, input wire I1, input wire I2, input wire I3, input wire I4, input wire I5,
  output wire O5, output wire O6
);
  assign O5 = INIT[{1'b0, I4, I3, I2, I1, I0}];
  assign O6 = INIT[{I5, I4, I3, I2, I1, I0}];
endmodule

// Four bits of a carry chain: S passes the carry on, otherwise DI becomes the carry.
module CARRY4 (
  input wire CI, input wire CYINIT, input wire [3:0] DI, input wire [3:0] S,
  output wire [3:0] O, output wire [3:0] CO
);
  wire c0 = CI | CYINIT;
  wire c1 = S[0] ? c0 : DI[0];
  wire c2 = S[1] ? c1 : DI[1];
  wire c3 = S[2] ? c2 : DI[2];
  assign CO = {S[3] ? c3 : DI[3], c3, c2, c1};
  assign O = S ^ {c3, c2, c1, c0};
endmodule
