"""The same code written another way: white space, comments, blank lines, continued lines, `;`.

What comes out has the tree that went in: the callers check it.
"""

from __future__ import annotations

import io
import keyword
import re
import tokenize
from random import Random

_SKIPPED = {tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
_INSIDE = ("FSTRING_START", "TSTRING_START"), ("FSTRING_END", "TSTRING_END")


def tokens(text: str) -> list[tokenize.TokenInfo]:
    """The tokens, each f-string as one."""
    actual: list[tokenize.TokenInfo] = []
    depth, first = 0, None
    lines = text.splitlines(keepends=True)
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        name = tokenize.tok_name[token.type]
        if name in _INSIDE[0]:
            first = first or token
            depth += 1
        elif name in _INSIDE[1]:
            depth -= 1
            if depth == 0 and first is not None:
                (row, column), (last, end) = first.start, token.end
                piece = lines[row - 1 : last]
                piece[-1] = piece[-1][:end]
                piece[0] = piece[0][column:]
                whole = tokenize.STRING, "".join(piece), first.start, token.end, first.line
                actual.append(tokenize.TokenInfo(*whole))
                first = None
        elif depth == 0:
            actual.append(token)
    return actual


def noisy(text: str, random: Random) -> str:
    """The same code with noise; comments are `# c1`, `# c2`, ..."""
    out: list[str] = []
    count = 0
    depth = 0
    previous: tokenize.TokenInfo | None = None
    lines = text.splitlines(keepends=True)
    rate = random.choice([0.0, 0.03, 0.12])
    ends = Random(text)  # of its own: what else is drawn stays as it was
    inner = ""

    def comment() -> str:
        nonlocal count
        count += 1
        return f"# c{count}" + (" \\" if random.random() < 0.1 else "")

    for token in tokens(text):
        if token.type in _SKIPPED:
            continue
        if token.type in (tokenize.NEWLINE, tokenize.NL):
            bare = previous is None or previous.type != tokenize.COMMENT
            if bare and random.random() < rate * 2:
                out.append(f"  {comment()}")
            if random.random() < rate / 2:
                out.append("  ")
            out.append("\n")
            previous = None
            continue
        if previous is None:
            indent = re.match(r"[ \t]*", lines[token.start[0] - 1])
            space = indent[0] if indent else ""
            if len(inner) > len(space) and ends.random() < rate * 2:  # it ends a block
                out.append(ends.choice(["", "\n"]) + f"{inner}{comment()}\n")
            inner = space
            clause = token.string in ("else", "elif", "except", "finally", "case")
            if random.random() < rate * (0.3 if clause else 1):
                above = [
                    "\n", f"{space}\n", "\f\n", f"{space}{comment()}\n", f"{comment()}\n",
                    f"{space}{comment()}\n\n",
                ]  # fmt: skip
                out.append(random.choice(above))
            out.append(space)
        else:
            gap = " " if token.start != previous.end else ""
            out.append(_gap(previous, token, gap, depth, rate, random, comment))
        out.append(token.string)
        depth += (token.string in ("(", "[", "{")) - (token.string in (")", "]", "}"))
        previous = token
    return "".join(out)


def _gap(
    one: tokenize.TokenInfo, other: tokenize.TokenInfo, gap: str, depth: int, rate: float,
    random: Random, comment: object,
) -> str:  # fmt: skip
    """What stands between two tokens of a line."""
    assert callable(comment)
    chance = random.random()
    closing = not (one.string[-1:].isalnum() or one.string[-1:] == "_")
    opening = other.string[:1] in "([{'\"-~"
    if gap and opening and keyword.iskeyword(one.string) and random.random() < 0.3:
        return "" if one.string not in ("lambda",) else gap
    if (
        gap
        and closing
        and one.string != ","
        and other.type == tokenize.NAME
        and random.random() < rate
    ):
        return "" if one.type == tokenize.OP and one.string in ")]}" else gap
    if chance > rate:
        return gap
    if depth:
        ways = [gap + " ", "\n", f"  {comment()}\n    ", "\n      "]
        return random.choice(ways)
    return gap + " " if one.string == "." or random.random() < 0.5 else gap + " \\\n  "


def joined(text: str, random: Random) -> str:
    """Simple statements that follow each other on one line, some of them."""
    lines = text.split("\n")
    out: list[str] = []
    for line in lines:
        last = out[-1] if out else ""
        same = line[: len(line) - len(line.lstrip())] == last[: len(last) - len(last.lstrip())]
        simple = all(_is_simple(each) for each in (last, line))
        if same and simple and random.random() < 0.08:
            out[-1] = last + "; " + line.lstrip()
        else:
            out.append(line)
    return "\n".join(out)


def _is_simple(line: str) -> bool:
    body = line.strip()
    plain = (
        body and not body.endswith(":") and not body.startswith(("@", "#")) and "'''" not in body
    )
    return bool(plain) and '"""' not in body and "\0" not in body and body != "n"
