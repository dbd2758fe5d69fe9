"""Watch a real run from inside the process that runs it.

Loaded in worker processes only. `frames`, `conditions`, `failure` and `acts` need the standard
library alone; the rest imports torch, which those two ask for where the target has tensors. Nothing
here imports another part of patcher, so that a worker can load this folder without the rest.

    trace(run, root=...)     why did this call fail: the line, the tensor, its maker, the condition
    observe(run, root=...)   everything this call does that a patch could break
"""
