"""`patcher receipt check` and `patcher receipt join`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from patcher.commands.shared.verify_request import adapter_of
from patcher.errors import PatcherError
from patcher.execution import machine as host
from patcher.settings import load_settings
from patcher.store.freeze import hash_of
from patcher.targets.content import content_of
from patcher.verify.receipt import Here, differences, join_receipts, read_receipt
from patcher.verify.setup import installed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from patcher.store.workspace import Workspace
    from patcher.verify.receipt import Joined, Receipt


@dataclass(frozen=True)
class ReceiptCheck:
    """``patcher receipt check``: the receipt's verdict, and why it does not hold here, if so."""

    receipt: Receipt
    differences: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Everything the verdict hangs on is the same here."""
        return not self.differences

    def as_json(self) -> dict[str, Any]:
        return {
            "holds": self.holds,
            "differences": list(self.differences),
            "verdict": self.receipt.verdict,
            "speed": self.receipt.speed,
            "machine": self.receipt.machine,
            "made_at": self.receipt.body["made_at"],
            "patches": [each["name"] for each in self.receipt.body["patches"]],
        }


def check(workspace: Workspace, path: Path) -> ReceiptCheck:
    """Hold a receipt against the working copy and the machine at hand; nothing is run.

    Raises:
        PatcherError: ``receipt`` for a file that is none, or was edited.
    """
    receipt = read(path)
    return ReceiptCheck(receipt, tuple(differences(receipt, here(workspace, receipt))))


def join(paths: Sequence[Path]) -> Joined:
    """One verdict a kind of machine.

    Raises:
        PatcherError: ``receipt`` for a file that is none, or is of another series.
    """
    return join_receipts([read(path) for path in paths])


def read(path: Path) -> Receipt:
    """Read a receipt file.

    Raises:
        PatcherError: ``receipt``.
    """
    try:
        return read_receipt(path.read_text(encoding="utf-8"), str(path))
    except OSError as error:
        raise PatcherError("receipt", f"{error.strerror}: {path}", where=str(path)) from None
    except UnicodeDecodeError:
        raise PatcherError("receipt", "the file is no text", where=str(path)) from None


def here(workspace: Workspace, receipt: Receipt) -> Here:
    """What is true of this machine, and of the working copy of the receipt's target."""
    name = receipt.body["target"]["name"]
    settings = load_settings(workspace.root)
    python = settings.get("python")
    facts = host.fingerprint().facts
    # What only a run tells (the device, a library's version) is not held against the receipt.
    versions = {"python": facts["python"], "kernel": facts["kernel"]}
    if python is None:
        import sys

        versions["distributions"] = installed(sys.executable)
    if name not in workspace.targets():
        return Here(facts, versions)
    copy = workspace.working_copy(name)
    config = settings.get("verify", {})
    adapter = adapter_of(copy, config)
    trees = {"baseline": hash_of(copy, pristine=True), "patched": hash_of(copy)}
    return Here(
        facts,
        versions,
        trees,
        [(each.name, each.sha256) for each in copy.series],
        content_of(adapter, config, workspace.root) if adapter is not None else None,
    )
