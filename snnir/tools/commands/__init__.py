"""The commands of `snnc`, one file each: its arguments, and what it does with them."""
