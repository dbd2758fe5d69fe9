"""``python -m patcher``, and the console script."""

import gc
import sys


def main() -> None:
    """Run the command line; Ctrl-C is answered also while modules are still being imported."""
    try:
        gc.set_threshold(50_000)  # modules and syntax trees make many objects and hardly a cycle
        from patcher.cli import main as run

        run()
    except KeyboardInterrupt:
        print("error[interrupted]: interrupted", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
