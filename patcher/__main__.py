"""``python -m patcher``, and the console script: Ctrl-C is answered from its first line on.

Python itself takes longer to start than the imports of this file; before it, an interrupt is
Python's own to answer.
"""

# Built in: `signal` takes some milliseconds, in which nobody answers.
import _signal as signal  # type: ignore[import-not-found]
import gc
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType

INTERRUPTED = 130
LINE = b"error[interrupted]: interrupted before anything began\n"
JSON = (
    b'{"schema": 1, "ok": false, "error": {"code": "interrupted", "message": '
    b'"interrupted before anything began", "hint": "repeat the command", "where": null}}\n'
)


def leave(number: int, frame: "FrameType | None") -> None:
    """End at once: nothing has begun, and an exception may be swallowed in the midst of imports."""
    if "--json" in sys.argv:
        os.write(1, JSON)
    os.write(2, LINE)
    os._exit(INTERRUPTED)


def listen(handler: object) -> None:
    """Take over Ctrl-C, unless it is ignored, as in a shell's background, or a program's own."""
    if signal.getsignal(signal.SIGINT) in (signal.default_int_handler, leave):
        signal.signal(signal.SIGINT, handler)


def main() -> None:
    """Run the command line."""
    listen(leave)
    gc.set_threshold(50_000)  # modules and syntax trees make many objects and hardly a cycle
    try:
        from patcher.cli import main as run

        listen(signal.default_int_handler)
        run()
    except KeyboardInterrupt:  # as `run` was about to begin, or had just ended
        print("error[interrupted]: interrupted", file=sys.stderr)
        sys.exit(INTERRUPTED)
    finally:
        listen(signal.SIG_IGN)  # all is said and done: Python's own way out is not to be disturbed


if __name__ == "__main__":
    main()
