"""Cases of lists with an element a line: elements come, go and change places, with comments."""

from __future__ import annotations

from random import Random

from tests.rewrite.grammar.cases import UNITS, Drawn, is_tree_of
from tests.rewrite.grammar.code import MARK, Code
from tests.rewrite.grammar.matching import is_in_string

_BRACKETS = (("old_site(", ")"), ("[old_site, ", "]"), ("{old_site, ", "}"))


def listed(random: Random) -> Drawn | None:
    """The elements of a call, a list or a set are removed, added, or put into another order."""
    code = Code(random, False, random.choice(UNITS))
    text = code.module()
    opening, closing = random.choice(_BRACKETS)
    old = [f"e{n}(1, {n})" for n in range(random.randint(2, 4))]
    new = list(old)
    way = random.choice(("remove", "first", "middle", "last", "order", "replace"))
    at = random.randrange(len(old))
    if way == "remove":
        del new[at]
    elif way == "order":
        random.shuffle(new)
    elif way == "replace":
        new[at] = "new9(1, 2)"
    else:
        new.insert({"first": 0, "middle": len(old) // 2, "last": len(old)}[way], "new9(1, 2)")
    pattern, template = (f"{opening}{', '.join(each)}{closing}" for each in (old, new))
    if new == old or is_in_string(text):
        return None
    edits = f"- file: m.py\n  match: |\n    {pattern}\n  with: |\n    {template}\n"
    written = f"({_in_lines(random, opening, old, closing)})"
    expected = text.replace(MARK, f"({template})")
    return Drawn(
        "shorter list" if way == "remove" else "list",
        text.replace(MARK, written),
        edits,
        is_tree_of(expected),
    )


def _in_lines(random: Random, opening: str, elements: list[str], closing: str) -> str:
    """A list with a line for each element; some have comments above and behind."""
    count = 9000
    lines = [opening.rstrip()]
    for number, each in enumerate(elements):
        if random.random() < 0.3:
            count += 1
            lines.append(f"    # c{count}")
        last = number == len(elements) - 1
        line = f"    {each}" + ("" if last and random.random() < 0.5 else ",")
        if random.random() < 0.6:
            count += 1
            line += f"  # c{count}"
        lines.append(line)
    return "\n".join([*lines, closing])
