"""What `patcher verify` takes beside an older checkout of patcher: the same series, in turns.

    python -m tests.trials.verify_cost CHECKOUT [--target small|chatterbox-tts] [--pairs N]

Each side has a workspace of its own with one patch applied; kept results are removed before every
turn, so that both arms are run each time. What libraries compiled stays: the older side has it in
the packages' own folders. The order turns with each pair. Prints a row: seconds of
either side, the ratio of each pair, and its median.
"""

from __future__ import annotations

import argparse
import compileall
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from docs.tables import circumstances
from tests.contract.adder import MODULE, SHIFT

REPOSITORY = Path(__file__).resolve().parents[2]
CHECK = 'target = "adder"\n[verify]\ncommand = ["python", "-c", "import adder; adder.twice(4)"]\n'
PROJECT = '[project]\nname = "adder"\nversion = "1.0"\n'
PATCHES = {"small": "use_shift", "chatterbox-tts": "t3_no_capture"}


@dataclass(frozen=True)
class Side:
    """A checkout of patcher and the workspace it works in."""

    checkout: Path
    workspace: Path

    def patcher(self, *words: str, status: int = 0) -> None:
        """Run a command of this side's patcher."""
        environment = {**os.environ, "PYTHONPATH": str(self.checkout)}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)  # as an installed patcher runs
        command = [sys.executable, "-m", "patcher", "-C", str(self.workspace), "-q", *words]
        done = subprocess.run(
            command,
            env=environment,
            cwd=self.workspace,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != status:
            raise SystemExit(f"{' '.join(words)}: {done.stdout}{done.stderr}")

    def prepare(self, target: str) -> None:
        """Make the workspace and apply the patch."""
        self.workspace.mkdir()
        source = target
        if target == "small":
            package = self.workspace.with_name(f"{self.workspace.name}-project")
            package.mkdir()
            (package / "adder.py").write_text(MODULE)
            (package / "pyproject.toml").write_text(PROJECT)
            (self.workspace / "patches").mkdir()
            (self.workspace / "patches" / "use_shift.yaml").write_text(SHIFT)
            (self.workspace / "patcher.toml").write_text(CHECK)
            source = str(package)
        self.patcher("init", source)
        self.patcher("apply", PATCHES[target])
        self.verify_s()  # weights are made, bytecode is written

    def verify_s(self) -> float:
        """Seconds of one verification that can use nothing of an earlier one."""
        for runs in self.workspace.glob(".patcher/*/runs"):
            shutil.rmtree(runs / "stages", ignore_errors=True)
            for database in runs.glob("runs.sqlite*"):
                database.unlink()
        began = time.monotonic()
        self.patcher("verify")
        return time.monotonic() - began


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.trials.verify_cost")
    parser.add_argument("checkout", type=Path, help="of the patcher to hold this one against")
    parser.add_argument("--target", choices=[*PATCHES], default="small")
    parser.add_argument("--pairs", type=int, default=6)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        before = Side(options.checkout.resolve(), Path(folder, "before"))
        now = Side(REPOSITORY, Path(folder, "now"))
        for side in (before, now):
            compileall.compile_dir(side.checkout / "patcher", quiet=1)  # as an installer does
            side.prepare(options.target)
        pairs = []
        for number in range(options.pairs):
            order = (before, now) if number % 2 == 0 else (now, before)
            taken = {side: side.verify_s() for side in order}
            pairs.append((taken[before], taken[now]))
    ratios = [new / old for old, new in pairs]
    print(circumstances(time.strftime("%Y-%m-%d")))
    print("\n| target | before, s | now, s | ratio, median (each pair) |\n|---|--:|--:|--:|")
    each = ", ".join(f"{ratio:.2f}" for ratio in ratios)
    print(
        f"| {options.target} | {median(old for old, _ in pairs):.2f} "
        f"| {median(new for _, new in pairs):.2f} | {median(ratios):.2f} ({each}) |"
    )


if __name__ == "__main__":
    main()
