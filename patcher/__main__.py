"""``python -m patcher``, and the console script."""

import gc
import sys

_REWRITING = {"apply", "plan", "revert"}
_ONLY_PUTS_BACK = "--all"


def main() -> None:
    """Run the command line; Ctrl-C is answered also while modules are still being imported."""
    try:
        gc.set_threshold(50_000)  # modules and syntax trees make many objects and hardly a cycle
        words = sys.argv[1:]
        if not _REWRITING.isdisjoint(words) and _ONLY_PUTS_BACK not in words:
            from patcher.commands.shared import import_helper as ahead

            ahead.begin()
        from patcher.cli import main as run

        run()
    except KeyboardInterrupt:
        print("error[interrupted]: interrupted", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
