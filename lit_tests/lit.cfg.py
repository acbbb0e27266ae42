"""lit configuration: runs the tools of the environment that lit itself runs in."""

import os
import sys

import lit.formats

config.name = "snnir"  # noqa: F821 (lit defines `config`)
config.test_format = lit.formats.ShTest(execute_external=False)  # noqa: F821
config.test_source_root = os.path.dirname(__file__)  # noqa: F821
config.test_exec_root = os.path.join(config.test_source_root, "Output")  # noqa: F821
config.suffixes = [".mlir", ".test"]  # noqa: F821
config.excludes = ["Inputs", "Output"]  # noqa: F821

# snn-opt, snnc, filecheck and python come from the running environment, active or not.
binaries = os.path.dirname(sys.executable)
config.environment["PATH"] = os.pathsep.join([binaries, os.environ.get("PATH", os.defpath)])  # noqa: F821
if "PYTHONPATH" in os.environ:
    config.environment["PYTHONPATH"] = os.environ["PYTHONPATH"]  # noqa: F821
if "SNNIR_DATA" in os.environ:
    # Tests of real networks say `REQUIRES: data` and find them under %data.
    config.available_features.add("data")  # noqa: F821
    config.substitutions.append(("%data", os.environ["SNNIR_DATA"]))  # noqa: F821

neurons = os.path.join(config.test_source_root, os.pardir, "snnir", "neurons")  # noqa: F821
config.substitutions.append(("%neurons", os.path.normpath(neurons)))  # noqa: F821
config.substitutions += [  # noqa: F821
    # Prints what it parsed, parses that again: custom formats must survive.
    ("%roundtrip", "snn-opt %s | snn-opt | filecheck %s"),
]
