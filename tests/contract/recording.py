"""The shape of what every command prints under ``--json``: keys and types, recorded once.

``python -m tests.contract.recording`` writes the record anew, for a change that is meant.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.conftest import runner
from tests.contract.adder import make_workspace
from tests.contract.shapes import shape_of

RECORD = Path(__file__).with_name("record.json")

# Step -> command line. {parent} is the folder that holds `project` and `workspace`.
ADDER: dict[str, list[str]] = {
    "no such patch": ["apply", "use_sun"],
    "no working copy": ["diff"],
    "status of nothing": ["status"],
    "init": ["init", "{parent}/project"],
    "status of pristine": ["status"],
    "list": ["list"],
    "show": ["show", "use_sum"],
    "plan": ["plan", "use_sum", "use_shift"],
    "plan --on": ["plan", "use_sum", "--on", "{parent}/project"],
    "plan --scan": ["plan", "use_sum", "--scan"],
    "plan --check": ["plan", "use_sum", "--check"],
    "check": ["check", "use_sum"],
    "apply --dry-run": ["apply", "use_sum", "--dry-run"],
    "apply": ["apply", "use_sum", "use_shift"],
    "apply again": ["apply", "use_sum", "use_shift"],
    "show applied": ["show", "use_sum"],
    "diff": ["diff"],
    "verify": ["verify"],
    "status of verified": ["status"],
    "verify --bench": ["verify", "--bench", "--budget", "1s"],
    "export --diff": ["export", "--diff"],
    "export --format-patch": ["export", "--format-patch", "{parent}/out"],
    "export --wheel": ["export", "--wheel", "{parent}/out"],
    "apply --verify that fails": ["apply", "use_three", "--verify"],
    "apply --scan": ["apply", "use_three", "--scan"],
    "verify --keep": ["verify", "--keep"],
    "verify --isolate": ["verify", "--isolate"],
    "revert": ["revert", "use_sum"],
    "revert --dry-run": ["revert", "--all", "--dry-run"],
    "revert --all": ["revert", "--all"],
    "verify of nothing": ["verify"],
    "history": ["history"],
    "history show": ["history", "show", "1"],
    "compare": ["compare", "1", "2"],
    "explain": ["explain", "drift"],
    "verify NAME": ["verify", "use_sum", "--receipt", "{parent}/receipt.json"],
    "receipt check": ["receipt", "check", "{parent}/receipt.json"],
    "receipt join": ["receipt", "join", "{parent}/receipt.json"],
    "discard of nothing": ["discard", "adder.py"],
    "export --in-place": ["export", "--in-place", "{parent}/project"],
    "new": ["new", "my_patch", "--at", "adder.py:12"],
    "check that fails": ["check"],
    "scan": ["scan"],
    "recover": ["recover"],
    "doctor": ["doctor"],
    "gc --dry-run": ["gc", "--dry-run"],
    "gc": ["gc"],
}

CHATTERBOX: dict[str, list[str]] = {
    "init": ["init", "chatterbox-tts"],
    "list": ["list"],
    "show": ["show", "inference_mode"],
    "plan": ["plan", "inference_mode"],
    "apply": ["apply", "inference_mode"],
    "status": ["status"],
    "diff": ["diff"],
    "scan": ["scan"],
    "revert --all": ["revert", "--all"],
}


def record(steps: dict[str, list[str]], parent: Path, workspace: Path) -> dict[str, Any]:
    """Run the steps in one workspace; of each its exit status and the shape of its object."""
    patcher = runner(workspace)
    actual: dict[str, Any] = {}
    for name, words in steps.items():
        ran = patcher(*(word.replace("{parent}", str(parent)) for word in words), "--json")
        actual[name] = {
            "command": " ".join(words),
            "exit": ran.status,
            "object": shape_of(json.loads(ran.stdout)),
            "printed": json.loads(ran.stdout),
        }
    return actual


def record_adder(parent: Path) -> dict[str, Any]:
    """Every command on a package of ten lines."""
    return record(ADDER, parent, make_workspace(parent))


def record_chatterbox(parent: Path) -> dict[str, Any]:
    """The commands that do not run the target, on the real package."""
    return record(CHATTERBOX, parent, parent)


def main() -> int:
    """Write the record anew."""
    actual = {}
    for name, make in (("adder", record_adder), ("chatterbox-tts", record_chatterbox)):
        with tempfile.TemporaryDirectory() as folder:
            actual[name] = make(Path(folder))
        for step in actual[name].values():
            del step["printed"]  # the record holds shapes
    RECORD.write_text(json.dumps(actual, indent=1, sort_keys=False) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
