"""Cells are counted by part from what Yosys says of each module."""

import json

from snnir.runtime.yosys import count_parts


def modules(**cells: dict) -> str:
    found = {f"\\{name}": {"num_cells_by_type": used} for name, used in cells.items()}
    return json.dumps({"modules": found})


def test_a_module_counts_as_often_as_it_is_used(tmp_path):
    stat = tmp_path / "stat.json"
    stat.write_text(
        modules(
            top={"core": 1},
            core={"array": 1, "bank0": 1, "bank1": 1, "LUT2": 3},
            array={"channel": 64, "FDRE": 2},
            channel={"LUT6": 5, "LUT6_2": 1, "FDSE": 7},
            bank0={"RAMB36E1": 4, "RAM64M": 2},
            bank1={"RAMB36E1": 4, "RAMB18E1": 1},
        )
    )
    parts = count_parts(stat, "top")
    assert parts["array"] == {"lut": 384, "ff": 450, "bram36": 0, "dsp": 0}
    assert parts["bank"] == {"lut": 8, "ff": 0, "bram36": 8.5, "dsp": 0}
    assert parts[""] == {"lut": 395, "ff": 450, "bram36": 8.5, "dsp": 0}
