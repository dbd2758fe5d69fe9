"""Edits as a hand makes them, by seed: a small package, and what became of it.

python -m benchmarks.captures.hand_edits --count 5000

Each case makes one to four edits of a package of five files: statements that are inserted, deleted
or moved, names, literals, methods, chains of `elif`, comments, blank lines, and whole files. Every
capture must come back. Prints how many did, how many are small, and which edits were made.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random

from benchmarks.captures.checking import comes_back, form_of, is_small
from benchmarks.captures.package import BEFORE, COMMENTS, LITERALS, STATEMENTS
from patcher.errors import PatcherError
from patcher.rewrite.authoring.capture import File, capture


class CannotError(Exception):
    """This edit has no place in this file."""


@dataclass
class Hand:
    """Makes edits of one tree."""

    random: Random
    files: dict[str, File | None]

    # files ------------------------------------------------------------------------------------

    def present(self, suffix: str = "") -> list[str]:
        return [p for p, held in self.files.items() if held is not None and p.endswith(suffix)]

    def new_package(self) -> None:
        name = f"pkg/{self.random.choice('abc')}{self.random.randrange(100)}"
        for file in ("__init__.py", self.random.choice(("n.py", "m.py", "n.json"))):
            self.files[f"{name}/{file}"] = (f"A = {self.random.random()}\n".encode(), 0o644)

    def new_data(self) -> None:
        path = f"pkg/new{self.random.randrange(100)}.{self.random.choice(('bin', 'txt', 'py'))}"
        data = b"" if path.endswith("py") else self.random.randbytes(self.random.randrange(40))
        self.files[path] = (data, self.random.choice((0o644, 0o755, 0o600)))

    def delete_file(self) -> None:
        self.files[self.random.choice(self.present())] = None

    def rename_file(self) -> None:
        path = self.random.choice(self.present())
        self.files[f"pkg/moved/{path.rpartition('/')[2]}"] = self.files[path]
        self.files[path] = None

    def change_mode(self) -> None:
        path = self.random.choice(self.present())
        held = self.files[path]
        assert held is not None
        self.files[path] = (held[0], self.random.choice((0o644, 0o755, 0o700, 0o664)))

    def change_bytes(self) -> None:
        path = self.random.choice(self.present(".bin") or self.present())
        held = self.files[path]
        assert held is not None
        if path.endswith(".py"):
            raise CannotError
        self.files[path] = (held[0] + b"\0\xff", held[1])

    def change_data(self) -> None:
        self.rewrite("pkg/data.json", lambda text: text.replace("2", "4", 1) or "{}\n")

    # text -------------------------------------------------------------------------------------

    def rewrite(self, path: str, how: Callable[[str], str]) -> None:
        held = self.files.get(path)
        if held is None:
            raise CannotError
        text = held[0].decode()
        new = how(text)
        if new == text:
            raise CannotError
        if path.endswith(".py"):
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    compile(new, path, "exec", dont_inherit=True)
            except (SyntaxError, ValueError):
                raise CannotError from None
        self.files[path] = (new.encode(), held[1])

    def source(self, how: Callable[[list[str], ast.Module], list[str]]) -> None:
        """Rewrite the lines of a module; they end as the file's do."""
        path = self.random.choice(self.present(".py") or ["-"])

        def lines(text: str) -> str:
            end = "\r\n" if "\r\n" in text else "\n"
            new = how(text.split(end), ast.parse(text))
            return end.join(line for each in new for line in each.split("\n"))

        self.rewrite(path, lines)

    def pick(self, tree: ast.Module, *kinds: type[ast.AST]) -> ast.AST:
        chosen = kinds or (ast.stmt,)
        nodes = [node for node in ast.walk(tree) if isinstance(node, chosen)]
        if not nodes:
            raise CannotError
        return self.random.choice(nodes)

    def insert(self) -> None:
        def how(lines: list[str], tree: ast.Module) -> list[str]:
            node = self.pick(tree)
            at = node.lineno - 1 if self.random.random() < 0.5 else node.end_lineno  # type: ignore[attr-defined]
            pad = " " * node.col_offset  # type: ignore[attr-defined]
            new = [pad + line for line in self.random.choice(STATEMENTS).split("\n")]
            if self.random.random() < 0.3:
                new.insert(0, pad + self.random.choice(COMMENTS))
            if self.random.random() < 0.2:
                new.insert(self.random.choice((0, len(new))), "")
            return [*lines[:at], *new, *lines[at:]]

        self.source(how)

    def delete(self) -> None:
        def how(lines: list[str], tree: ast.Module) -> list[str]:
            node = self.pick(tree)
            return [*lines[: node.lineno - 1], *lines[node.end_lineno :]]  # type: ignore[attr-defined]

        self.source(how)

    def move(self) -> None:
        def how(lines: list[str], tree: ast.Module) -> list[str]:
            node, other = self.pick(tree), self.pick(tree)
            if node.col_offset != other.col_offset or other.lineno >= node.lineno:  # type: ignore[attr-defined]
                raise CannotError
            block = lines[node.lineno - 1 : node.end_lineno]  # type: ignore[attr-defined]
            rest = [*lines[: node.lineno - 1], *lines[node.end_lineno :]]  # type: ignore[attr-defined]
            at = other.lineno - 1  # type: ignore[attr-defined]
            return [*rest[:at], *block, *rest[at:]]

        self.source(how)

    def rename(self) -> None:
        def how(lines: list[str], tree: ast.Module) -> list[str]:
            node = self.pick(tree, ast.Name)
            assert isinstance(node, ast.Name)
            return [re.sub(rf"\b{node.id}\b", "renamed", line) for line in lines]

        self.source(how)

    def literal(self) -> None:
        def how(lines: list[str], tree: ast.Module) -> list[str]:
            node = self.pick(tree, ast.Constant)
            if node.lineno != node.end_lineno:  # type: ignore[attr-defined]
                raise CannotError
            line = lines[node.lineno - 1].encode()  # type: ignore[attr-defined]
            new = self.random.choice(LITERALS).encode()
            line = line[: node.col_offset] + new + line[node.end_col_offset :]  # type: ignore[attr-defined]
            return [*lines[: node.lineno - 1], line.decode(), *lines[node.lineno :]]  # type: ignore[attr-defined]

        self.source(how)

    def method(self) -> None:
        def how(lines: list[str], tree: ast.Module) -> list[str]:
            node = self.pick(tree, ast.FunctionDef)
            pad = " " * node.col_offset  # type: ignore[attr-defined]
            blank = [""] * self.random.choice((0, 1, 2))
            new = [f"{pad}def added(self):", f"{pad}    # why", f"{pad}    return 1"]
            at = node.end_lineno  # type: ignore[attr-defined]
            return [*lines[:at], *blank, *new, *lines[at:]]

        self.source(how)

    def chain(self) -> None:
        def how(lines: list[str], tree: ast.Module) -> list[str]:
            at = [n for n, line in enumerate(lines) if line.strip().startswith(("elif", "else:"))]
            if not at:
                raise CannotError
            n = self.random.choice(at)
            pad = lines[n][: len(lines[n]) - len(lines[n].lstrip())]
            way = self.random.randrange(3)
            if way == 0:
                return [*lines[:n], re.sub("elif .*:", "elif x > 9:", lines[n]), *lines[n + 1 :]]
            if way == 1:
                return [*lines[:n], f"{pad}elif x is self:", f"{pad}    return 5", *lines[n:]]
            end = n + 1
            while end < len(lines) and (not lines[end].strip() or lines[end].startswith(pad + " ")):
                end += 1
            return [*lines[:n], *lines[end:]]

        self.source(how)

    def comment(self) -> None:
        def how(lines: list[str], _: ast.Module) -> list[str]:
            n = self.random.randrange(len(lines))
            new = self.random.choice(COMMENTS)
            if lines[n].strip().startswith("#"):
                changed = lines[n].split("#")[0] + self.random.choice((new, ""))
                return [*lines[:n], changed.rstrip(), *lines[n + 1 :]]
            return [*lines[:n], f"{lines[n]}  {new}", *lines[n + 1 :]]

        self.source(how)

    def blank(self) -> None:
        def how(lines: list[str], _: ast.Module) -> list[str]:
            n = self.random.randrange(len(lines))
            if not lines[n].strip():
                return [*lines[:n], *lines[n + 1 :]]
            return [*lines[:n], self.random.choice(("", "    ")), *lines[n:]]

        self.source(how)

    def space(self) -> None:
        def how(lines: list[str], _: ast.Module) -> list[str]:
            n = self.random.randrange(len(lines))
            line = lines[n]
            ways = (line + "  ", line.replace(" = ", "  =  "), line.replace("(", "(\n    ", 1))
            changed = self.random.choice(ways)
            return [*lines[:n], changed, *lines[n + 1 :]]

        self.source(how)

    def ending(self) -> None:
        path = self.random.choice(self.present(".py") or ["-"])
        self.rewrite(path, lambda t: t.rstrip("\r\n") if t.endswith("\n") else t + "\n")


EDITS = ("insert", "delete", "move", "rename", "literal", "method", "chain", "comment", "blank",
         "space", "ending", "new_package", "new_data", "delete_file", "rename_file", "change_mode",
         "change_bytes", "change_data")  # fmt: skip
_IN_FILES = EDITS[:10]


def case(
    seed: int, before: Mapping[str, File | None] = BEFORE
) -> tuple[dict[str, File | None], list[str]]:
    """The files of a package after some edits, and the names of these."""
    random = Random(seed)
    hand = Hand(random, dict(before))
    made: list[str] = []
    chosen = random.randint(1, 4)
    while len(made) < chosen:
        name = random.choice(_IN_FILES if random.random() < 0.7 else EDITS)
        try:
            getattr(hand, name)()
        except (CannotError, IndexError):
            continue
        made.append(name)
    return hand.files, made


@dataclass
class Result:
    """What came of some generated edits."""

    tried: int = 0
    small: int = 0
    edits: Counter[str] = field(default_factory=Counter)
    forms: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        share = 100 * self.small / max(self.tried, 1)
        back = self.tried - len(self.wrong)
        counts = [
            f"{name}: {', '.join(f'{key} {n}' for key, n in of.most_common())}"
            for name, of in (("said by", self.forms), ("edits", self.edits))
        ]
        first = f"{self.tried} captures, {back} came back, {self.small} small ({share:.1f} %)"
        return "\n".join([first, *counts, *self.wrong])


def run(count: int, first: int = 0) -> Result:
    """Make edits, capture them, replay the captures."""
    result = Result()
    for seed in range(first, first + count):
        after, made = case(seed)
        if after == BEFORE:
            continue
        result.tried += 1
        result.edits.update(made)
        try:
            captured = capture("captured", "pkg", BEFORE, after)
        except PatcherError as error:
            result.wrong.append(f"seed {seed} ({', '.join(made)}): refused: {error.message}")
            continue
        if not comes_back(captured, BEFORE, after):
            result.wrong.append(f"seed {seed} ({', '.join(made)}): other bytes")
        result.small += is_small(captured, BEFORE, after)
        result.forms[form_of(captured)] += 1
    return result


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0, help="of the first case")
    asked = parser.parse_args()
    result = run(asked.count, asked.seed)
    print(result)
    return int(bool(result.wrong))


if __name__ == "__main__":
    sys.exit(main())
