"""What belongs to the whole process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.redteam.frame import Trick, first, meets, top, tricks

if TYPE_CHECKING:
    from pathlib import Path

TRICKS = {
    "seeds": Trick((first("random.seed(0)"),), must="undeclared"),
    "the collector off": Trick((top("import gc\ngc.disable()"),), must="undeclared"),
    "threads": Trick((top("import torch\ntorch.set_num_threads(1)"),), must="undeclared"),
    "the default type": Trick(
        (top("import torch\ntorch.set_default_dtype(torch.float16)"),), must="undeclared"
    ),
    "deterministic kernels": Trick(
        (top("import torch\ntorch.use_deterministic_algorithms(False)"),), must="undeclared"
    ),
    "a library's function": Trick((top("math.cos = math.sin"),), must="undeclared"),
    "a library's class": Trick((top("random.Random.randrange = lambda *a: 0"),), must="undeclared"),
    "the depth of recursion": Trick(
        (top("import sys\nsys.setrecursionlimit(99999)"),), must="undeclared"
    ),
    "waiting for the device": Trick(
        (top("import torch\ntorch.cuda.synchronize = lambda *a: None"),), must="undeclared"
    ),
    "the network": Trick((top("import socket"),), must="undeclared"),
}


@tricks(TRICKS)
def test_they_are_declared_or_refused(trick: Trick, tmp_path: Path) -> None:
    meets(trick, tmp_path)
