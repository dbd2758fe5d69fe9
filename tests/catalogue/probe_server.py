"""Runs probes on trees, each in a fork of one process that has the target's libraries loaded.

A line of input names a tree's folder, a kind of `probe` and what it is given; a line of output is
what it said, or null. The target itself is imported anew in every fork, from its tree.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import warnings

from probe import probe  # beside this file


def main() -> None:
    logging.disable()
    warnings.simplefilter("ignore")
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no answer
    import chatterbox.mtl_tts  # noqa: F401 - for what it imports

    for name in [*sys.modules]:
        if name.partition(".")[0] == "chatterbox":
            del sys.modules[name]
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            tree, kind, given = json.loads(line)
            sys.path.insert(0, tree)
            print(json.dumps(probe(kind, given)), file=answers, flush=True)
            os._exit(0)
        if os.waitpid(child, 0)[1]:
            print("null", file=answers, flush=True)


if __name__ == "__main__":
    main()
