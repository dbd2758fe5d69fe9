"""Renders what ``docs/gates.md`` says of each gate: ``python -m docs.render_gates``."""

from __future__ import annotations

import sys
from pathlib import Path

from patcher.gates.registry import Gate, gates

PAGE = Path(__file__).with_name("gates.md")


def gate_table(found: tuple[Gate, ...]) -> str:
    """The gates in their order."""
    rows = ["| gate | run for | compares |", "|---|---|---|"]
    for gate in found:
        claim = f"patches that claim `{gate.claim.value}`" if gate.claim else "every patch"
        if gate.settles:
            claim = "every patch; what passes it needs no looser gate"
        rows.append(f"| `{gate.name}` | {claim} | {gate.summary} |")
    return "\n".join(rows)


def limit_table(found: tuple[Gate, ...]) -> str:
    """The thresholds of the gates that have some to set."""
    having = [gate for gate in found if gate.limits]
    names = dict.fromkeys(name for gate in having for name in gate.limits)
    rows = [
        f"| limit | {' | '.join(gate.name for gate in having)} |",
        "|" + "---|" * (len(having) + 1),
    ]
    for name in names:
        cells = (f"{gate.limits[name]:g}" if name in gate.limits else "" for gate in having)
        rows.append(f"| `{name}` | {' | '.join(cells)} |")
    return "\n".join(rows)


def render(page: str) -> str:
    """The page with its rendered parts anew."""
    for mark, text in (("gates", gate_table(gates())), ("limits", limit_table(gates()))):
        block = f"<!-- {mark} -->\n\n{text}\n\n<!-- /{mark} -->"
        before, _, rest = page.partition(f"<!-- {mark} -->")
        page = before + block + rest.partition(f"<!-- /{mark} -->")[2]
    return page


def main() -> int:
    """Write the page."""
    PAGE.write_text(render(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
