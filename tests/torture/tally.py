"""What the rounds of one test add up to."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Tally:
    """Counts of one row of the table.

    Attributes:
        tried: rounds, kill points, states: what the figure counts.
        torn: trees that were neither what they were nor what was planned.
        lost: bytes of a file that nothing gives back; foreign edits that were overwritten.
        ran: foreign commands that were run.
        left: rounds that left a process running.
        tracebacks: errors that were not a `PatcherError`.
        examples: the first faults, in words.
    """

    tried: int = 0
    torn: int = 0
    lost: int = 0
    ran: int = 0
    left: int = 0
    tracebacks: int = 0
    examples: list[str] = field(default_factory=list)

    def note(self, faults: list[str], where: str = "") -> None:
        """Count one round's faults, each of which starts with its kind."""
        self.torn += any(fault.startswith("torn") for fault in faults)
        self.lost += any(fault.startswith("lost") for fault in faults)
        self.ran += any(fault.startswith("ran") for fault in faults)
        self.left += any(fault.startswith("left") for fault in faults)
        self.tracebacks += any(fault.startswith("traceback") for fault in faults)
        for fault in faults:
            if len(self.examples) < 5:
                self.examples.append(f"{where}: {fault}" if where else fault)

    def add(self, other: Tally) -> None:
        self.tried += other.tried
        self.torn += other.torn
        self.lost += other.lost
        self.ran += other.ran
        self.left += other.left
        self.tracebacks += other.tracebacks
        self.examples = [*self.examples, *other.examples][:5]

    @property
    def clean(self) -> bool:
        return not (self.torn or self.lost or self.ran or self.left or self.tracebacks)
