"""Renders the pages on the spec language from the keys, the catalogue and the test suite.

python -m docs.render_spec           write docs/spec.md, spec-examples.md and spec-breadth.md
python -m docs.render_spec --check   exit 1 when one of them is out of date
"""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from docs.case_files import Case, cases, rules
from patcher.patchfile import keys
from patcher.patchfile.catalogue import load_catalogue
from patcher.rewrite.check import fixture_results

if TYPE_CHECKING:
    from patcher.patchfile.model import Patch

DOCS = Path(__file__).resolve().parent
PAGES = ("spec.md", "spec-examples.md", "spec-breadth.md")
TOOLS = {
    "ast_grep": "ast-grep's catalogue, Python",
    "semgrep": "semgrep's registry, Python fixes that need syntax alone",
    "fixit": "Fixit",
    "pyupgrade": "pyupgrade",
}
SHOWN = ("inference_mode", "embed_ref_lens_clone", "embed_ref_inference_mode", "t3_no_capture",
         "t3_reuse_backend", "hift_snake_sine_lean")  # fmt: skip


def page(name: str) -> str:
    """One page, rendered."""
    fillers: dict[str, Callable[[], str]] = {
        "example": example,
        "patch-keys": lambda: key_table(keys.PATCH),
        "edit-keys": lambda: key_table(keys.edit_keys()),
        "errors": errors,
        "catalogue": catalogue,
        "breadth": breadth,
    }

    def fill(found: re.Match[str]) -> str:
        if found[1].startswith("cases:"):
            _, topic, count = found[1].split(":")
            return "\n".join(map(case, shown(topic, int(count))))
        return fillers[found[1]]()

    template = (DOCS / "templates" / name).read_text("utf-8")
    return re.sub(r"^\{([a-z:0-9-]+)\}$", fill, template, flags=re.MULTILINE)


def example() -> str:
    """The edits of the first shipped patch."""
    text = load_catalogue().get("inference_mode").text
    return text.split("\ncompanions:")[0]


def key_table(known: tuple[keys.Key, ...]) -> str:
    lines = ["| key | holds | |", "|---|---|---|"]
    for key in known:
        holds = " ".join(f"`{choice}`" for choice in key.choices) or key.holds
        needed = "**required.** " if key.required else ""
        lines.append(f"| `{key.name}` | {holds} | {needed}{key.summary} |")
    return "\n".join(lines)


def shown(topic: str, count: int) -> list[Case]:
    """The first cases of a topic that change something."""
    changing = [each for each in cases(topic) if each.after not in (None, each.before)]
    return changing[:count]


def case(each: Case) -> str:
    assert each.after is not None
    sentence = each.it[0].upper() + each.it[1:]
    edit = each.edit.rstrip("\n")
    return f"*{sentence}.*\n```yaml\n{edit}\n```\n{diff(each.before, each.after)}\n"


def diff(before: str, after: str) -> str:
    lines = difflib.ndiff(before.splitlines(), after.splitlines())
    body = "\n".join(line.rstrip() for line in lines if not line.startswith("?"))
    return f"```diff\n{body}\n```"


def errors() -> str:
    picked = [
        each.error
        for topic, it in (
            ("expect", "refuses two sites where one is expected"),
            ("decorator", "names the decorator that nearly matches, and where it differs"),
            ("within", "says where the site is when it is elsewhere"),
        )
        for each in cases(topic)
        if each.it == it
    ]
    assert len(picked) == 3
    return "".join(error or "" for error in picked).rstrip("\n")


def catalogue() -> str:
    known = load_catalogue()
    return "\n".join(patch_section(known.get(name)) for name in SHOWN)


def patch_section(patch: Patch) -> str:
    text = re.split(r"\n(?:measured|test):", patch.text)[0].rstrip()  # figures have a page
    parts = [f"## {patch.name}", f"{patch.summary}.", f"```yaml\n{text}\n```"]
    for before, after in fixture_results(patch):
        if before != after:
            parts.append(diff(before, after))
    return "\n\n".join(parts) + "\n"


def breadth() -> str:
    lines = []
    for tool, title in TOOLS.items():
        lines += [
            f"## {title}",
            "",
            "| rule | here | how, or what it would need |",
            "|---|---|---|",
        ]
        for rule in rules():
            if rule.tool != tool:
                continue
            said = "no" if rule.case is None else "in part" if rule.needs else "yes"
            lines.append(f"| {rule.name} | {said} | {how(rule.case)}{rule.needs} |")
        lines.append("")
    return "\n".join(lines)


def how(each: Case | None) -> str:
    """The pattern and the replacement, where they fit on a line."""
    if each is None or "|\n" in each.edit or each.edit.lstrip().startswith("- "):
        return ""
    result = dict(re.findall(r"^(match|with|decorator): (.*)$", each.edit, re.MULTILINE))
    old = result.get("match") or result.get("decorator") or ""
    pair = (text.strip("\"'").replace("|", "\\|") for text in (old, result.get("with", "")))
    return "`{}` → `{}` ".format(*pair)


def main() -> int:
    stale = []
    for name in PAGES:
        path, text = DOCS / name, page(name)
        if path.exists() and path.read_text("utf-8") == text:
            continue
        stale.append(name)
        if "--check" not in sys.argv:
            path.write_text(text, "utf-8")
    if "--check" in sys.argv and stale:
        print("out of date:", *stale)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
