"""What the action does: check, plan on each source, judge; one comment and SARIF files in a folder.

Standard library alone. Every step is a `patcher` command with ``--json``; this script puts their
answers side by side. It exits with 1 when the specs are wrong, when a patch does not fit the first
source, or when the verification fails. What does not fit the further sources is said, and is no
failure: those are versions that nobody uses yet.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
from pathlib import Path

MARK = "<!-- patcher -->"  # by which the comment is found again
LISTED = 20


def patcher(workspace, *words):
    """Run a command; its exit status and its object."""
    command = [sys.executable, "-m", "patcher", "-C", str(workspace), *words, "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    try:
        return done.returncode, json.loads(done.stdout)
    except ValueError:
        message = f"`patcher {words[0]}` ended with {done.returncode} and said nothing"
        return done.returncode or 1, {"ok": False, "error": {"message": message}}


def problem(answer):
    """Why a command did not succeed, in a line; empty when it did."""
    return "" if answer.get("ok") else str((answer.get("error") or {}).get("message", "failed"))


def fit(answer, name):
    """How a patch goes with a source, in a word."""
    for patch in answer.get("patches", ()):
        if patch["name"] == name:
            bad = [one for one in patch["edits"] if one["status"] not in ("ready", "already")]
            moved = [one for one in patch["edits"] if one.get("fit") == "moved"]
            if bad:
                return f"✗ {bad[0]['status']}: `{bad[0]['file']}`"
            return "✓ moved" if moved else "✓ fits"
    return "not planned"


def speed(answer):
    """The verdict by its interval; empty when nothing was timed."""
    found = answer.get("speed") or {}
    if not (found.get("time_ratio") and found.get("low") and found.get("high")):
        return ""
    fast, low, high = (1 / found[key] for key in ("time_ratio", "high", "low"))
    share = f", {found['confidence']:.0%} confidence" if found.get("confidence") else ""
    return (
        f"{found['verdict']}: {fast:.2f} times as fast ({low:.2f} to {high:.2f}{share}, "
        f"{found['pairs']} pairs, margin {found['margin']:.0%})"
    )


def judged(answer):
    """The lines of a verification."""
    cases = answer.get("cases", ())
    passed = sum(one["status"] == "pass" for one in cases)
    gate = answer.get("gate") or "no gate"
    yield f"**{answer.get('verdict', 'no verdict')}**: {passed} of {len(cases)} pass ({gate})"
    if said := speed(answer):
        yield said
    for one in answer.get("diagnosis", ()):
        remedy = f"; remedy: `{one['remedy']}`" if one.get("remedy") else ""
        yield f"`{one['where']}:{one['line']}`: {one['cause']}{remedy}"


def comment(names, check, plans, verdict):
    """The text of the comment."""
    lines = [MARK, "### patcher", ""]
    lines.append(f"Specs: {problem(check) or 'in order'}")
    if plans:
        lines += ["", f"| patch | {' | '.join(f'`{source}`' for source in plans)} |"]
        lines.append(f"|---|{'---|' * len(plans)}")
        for name in names:
            lines.append(f"| `{name}` | {' | '.join(fit(one, name) for one in plans.values())} |")
        for source, answer in plans.items():
            if not answer.get("patches"):
                lines += ["", f"`{source}`: {problem(answer)}"]
    if verdict is not None:
        said = [*judged(verdict)] if "verdict" in verdict else [problem(verdict)]
        lines += ["", *(f"- {line}" for line in said[:LISTED])]
    return "\n".join(lines) + "\n"


def main(arguments):
    """Run everything; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workspace", type=Path, default=Path())
    parser.add_argument("--patches", default="", help="names and sets; all specs by default")
    parser.add_argument("--on", default="", help="sources to plan on, the pinned one first")
    parser.add_argument("--verify", default=None, help="options of `patcher verify`")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    here = options.workspace
    words = options.patches.split() or sorted(one.stem for one in (here / "patches").glob("*.yaml"))
    failed = False
    status, check = patcher(here, "check")
    failed |= bool(status)
    plans = {}
    for number, source in enumerate(options.on.split()):
        sarif = options.out / f"plan-{number + 1}.sarif"
        status, plans[source] = patcher(
            here, "plan", *words, "--on", source, "--check", "--sarif", str(sarif)
        )
        failed |= bool(status) and number == 0
    verdict = None
    if options.verify is not None and not failed:
        status, verdict = patcher(here, "verify", *words, *shlex.split(options.verify))
        failed |= bool(status)
    names = [one["name"] for plan in plans.values() for one in plan.get("patches", ())]
    text = comment([*dict.fromkeys(names or words)], check, plans, verdict)
    (options.out / "comment.md").write_text(text, encoding="utf-8")
    for name, answer in (("check", check), ("plans", plans), ("verify", verdict)):
        if answer is not None:
            (options.out / f"{name}.json").write_text(json.dumps(answer, indent=1), "utf-8")
    print(text)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
