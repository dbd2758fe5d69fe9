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
    if random.random() < 0.2:
        return _decorators(random, text, old, new)
    edits = f"- file: m.py\n  match: |\n    {pattern}\n  with: |\n    {template}\n"
    written = f"({_in_lines(random, opening, old, closing)})"
    expected = text.replace(MARK, f"({template})")
    return Drawn(
        "shorter list" if way == "remove" else "list",
        text.replace(MARK, written),
        edits,
        is_tree_of(expected),
    )


def _decorators(random: Random, text: str, old: list[str], new: list[str]) -> Drawn:
    """The same with the decorators of a function, whose signature and body have comments, too."""
    text = text.replace(MARK, "kept") + "\n"
    head = ["def old_site(x,  # c9100", "        y):", "    return x  # c9101", "kept"]
    written = _with_comments(random, [f"@{each}" for each in old]) + head
    pattern, template = (
        "".join(f"    @{each}\n" for each in nodes) + "    def old_site(x, y):\n        $$$B\n"
        for nodes in (old, new)
    )
    edits = f"- file: m.py\n  match: |\n{pattern}  with: |\n{template}"
    expected = text + "\n".join([*(f"@{each}" for each in new), *head])
    return Drawn("decorators", text + "\n".join(written), edits, is_tree_of(expected))


def _in_lines(random: Random, opening: str, elements: list[str], closing: str) -> str:
    """A list with a line for each element; some have comments above and behind."""
    commas = ["," if random.random() < 0.5 or each is not elements[-1] else "" for each in elements]
    lines = [each + comma for each, comma in zip(elements, commas, strict=True)]
    inside = ["    " + each for each in _with_comments(random, lines)]
    return "\n".join([opening.rstrip(), *inside, closing])


def _with_comments(random: Random, elements: list[str]) -> list[str]:
    count = 9000
    lines = []
    for each in elements:
        if random.random() < 0.3:
            count += 1
            lines.append(f"# c{count}")
        behind = random.random() < 0.6
        count += behind
        lines.append(f"{each}  # c{count}" if behind else each)
    return lines
