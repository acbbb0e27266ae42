"""Status codes of a core that takes its program from DDR: why it does nothing any more."""

from __future__ import annotations

from snnir.hardware.ddr.loader import MISPLACED_LAST

STATUS_BITS = 8

SLVERR, DECERR = 2, 3
MAGIC, VERSION, IDENTITY, LENGTH, TABLE, CHECKSUM, DESCRIPTOR, WEIGHTS = range(4, 12)
WRITE_SLVERR, WRITE_DECERR, BOUNDS = 12, 13, 14
WATCHDOG = 15

FAULTS = {
    MISPLACED_LAST: "RLAST is not where a burst ends, or a read is answered with EXOKAY",
    SLVERR: "a read is answered with SLVERR",
    DECERR: "a read is answered with DECERR",
    MAGIC: "the program does not begin as a program does",
    VERSION: "the program is of another version",
    IDENTITY: "the program is for another machine",
    LENGTH: "the program is longer than was said, or not as long as its tables are",
    TABLE: "a table of the program is empty or larger than its memory",
    CHECKSUM: "the program's checksum is wrong",
    DESCRIPTOR: "a row of a table names what does not exist",
    WEIGHTS: "there are fewer weights than the program needs",
    WRITE_SLVERR: "a write is answered with SLVERR",
    WRITE_DECERR: "a write is answered with DECERR",
    BOUNDS: "the feature maps do not fit between their base, a multiple of 128, and their limit",
    WATCHDOG: "nothing has moved for as long as the watchdog waits",
}
"""What each status says; 0 is no fault."""
