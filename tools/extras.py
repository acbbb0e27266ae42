"""torch for the training scripts, or one line that says how to get it."""

import sys

try:
    import torch
except ModuleNotFoundError:
    sys.exit("error: training needs torch: pip install 'snnir[train]'")

__all__ = ["torch"]
