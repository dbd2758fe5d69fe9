"""Random cases: a source, a spec, and the tree or the bytes that must come out."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from patcher.patchfile.model import Patch
from patcher.patchfile.reader import read_spec
from tests.rewrite.grammar.noise import joined, noisy

HEAD = "patch: p\nsummary: s\ntarget: pkg\nequivalence: bitwise\nedits:\n"
Files = Mapping[str, tuple[bytes, int]]
"""Bytes and permission bits by path."""
UNITS = ("    ", "    ", "  ", "\t")
_COOKIE = "# -*- coding: latin-1 -*-\n"


@dataclass(frozen=True)
class Drawn:
    """A case before its source is written in an odd way.

    Attributes:
        kind: what the generator calls it: mostly the kind of its edit.
        edits: entries of ``edits:``.
        expected: from the source as it is written to the tree that must come out, as text.
        exact: from the source to edits and the text that must come out; instead of both above.
        files, files_after: for edits of whole files, the bytes and modes of a tree.
    """

    kind: str
    plain: str
    edits: str = ""
    expected: Callable[[str], str] = lambda source: ""
    exact: Callable[[str, Random], tuple[str, str] | None] | None = None
    attachments: Mapping[str, bytes] = field(default_factory=dict)
    files: Files = field(default_factory=dict)
    files_after: Files = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """One case.

    Attributes:
        tree: ``ast.dump`` of what must come out, or else ``text``: the characters.
        bom, encoding: how the text is stored.
        files, files_after: of edits of whole files; the source is none of them.
    """

    kind: str
    source: str
    edits: str
    tree: str = ""
    text: str | None = None
    attachments: Mapping[str, bytes] = field(default_factory=dict)
    encoding: str = "utf-8"
    bom: bytes = b""
    files: Files = field(default_factory=dict)
    files_after: Files = field(default_factory=dict)

    @property
    def content(self) -> bytes:
        return self.bom + self.source.encode(self.encoding)

    @property
    def patch(self) -> Patch:
        indented = "".join(f"  {line}\n" for line in self.edits.rstrip("\n").split("\n"))
        return read_spec(HEAD + indented, "patches/p.yaml", self.attachments)


Draw = Callable[[Random], Drawn | None]


def make(random: Random, draws: Sequence[Draw] | None = None) -> Case | None:
    """A case; None when what was drawn is not Python.

    Args:
        draws: who may draw it; all by default, each as often as its weight says.
    """
    from tests.rewrite.grammar.kinds import KINDS

    if draws is None:
        drawn = random.choices(list(KINDS), weights=list(KINDS.values()))[0](random)
    else:
        drawn = random.choice(draws)(random)
    if drawn is None or not compiles(drawn.plain):
        return None
    if drawn.files:
        return Case(
            drawn.kind, drawn.plain, drawn.edits, attachments=drawn.attachments,
            files=drawn.files, files_after=drawn.files_after,
        )  # fmt: skip
    together = joined(drawn.plain, random)
    if not compiles(together):  # such as a line that ends in a comment
        return None
    source = noisy(together, random)
    if not compiles(source) or dump(source) != dump(drawn.plain):
        return None
    source, encoding, bom = _stored(source, random)
    source = _ended(source, random)
    edits, tree, text = drawn.edits, "", None
    if drawn.exact is not None:
        made = drawn.exact(source, random)
        if made is None:
            return None
        edits, text = made
    else:
        tree = drawn.expected(source)
        if not tree:
            return None
    return Case(drawn.kind, source, edits, tree, text, drawn.attachments, encoding, bom)


def _stored(source: str, random: Random) -> tuple[str, str, bytes]:
    way = random.random()
    if way < 0.05:
        return source, "utf-8", b"\xef\xbb\xbf"
    if way < 0.1 and not set(_COOKIE + source) - set(map(chr, range(256))):
        return _COOKIE + source, "latin-1", b""
    return source, "utf-8", b""


def _ended(source: str, random: Random) -> str:
    """The same lines with other ends."""
    way = random.random()
    if way < 0.1:
        return source.replace("\n", "\r\n")
    if way < 0.13:
        return source.replace("\n", "\r")
    if way < 0.16:
        return "".join(line + random.choice(("\n", "\r\n")) for line in source.split("\n")[:-1])
    return source.rstrip("\n") if way < 0.26 else source


def compiles(text: str) -> bool:
    """Whether a text is Python to the compiler."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(text, "m.py", "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return False
    return True


def parse(text: str) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text)


def dump(text: str) -> str:
    return ast.dump(parse(text))


def is_tree_of(text: str) -> Callable[[str], str]:
    """What must come out, where it does not depend on how the source is written."""
    return lambda source: dump(text) if compiles(text) else ""
