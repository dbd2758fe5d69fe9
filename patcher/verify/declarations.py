"""What a series does beside computing and does not declare: a look at its diff. Pure.

A patch may keep things between calls, start threads, change what belongs to the whole process. It
says so (``declares:``), because whoever reads its verdict has to know, and because most ways of
fooling a judge begin with one of these. What the target did before the patch is the target's.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from patcher.rewrite.file import Rewrite, rewrite_file, rewrite_patch
from patcher.rewrite.forms import chosen_form
from patcher.verify.side_effect_rules import GLOBALS, NOTHING
from patcher.verify.side_effects import SideEffect, counted, side_effects

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from patcher.patchfile.model import Patch

NATIVE = (".so", ".pyd", ".dll", ".dylib", ".pyc", ".pth", ".zip", ".egg", ".whl")
RUN_UNASKED = frozenset({"sitecustomize", "usercustomize"})


@dataclass(frozen=True)
class Undeclared:
    """Something that a patch does and does not declare.

    Attributes:
        file, line: the place in the patched tree, as the patch leaves it.
        what: what is done, to follow "the patch".
        needs: the declarations any of which would cover it; empty where none can.
    """

    patch: str
    file: str
    line: int
    what: str
    needs: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """One line for people."""
        way = "declares: " + " or ".join(self.needs) if self.needs else "nothing can declare that"
        return f"{self.patch}: {self.file}:{self.line} {self.what} ({way})"


def undeclared(
    read_pristine: Callable[[str], bytes | None],
    series: Sequence[Patch],
    rewrite: Rewrite = rewrite_file,
) -> tuple[Undeclared, ...]:
    """What the patches of a series add to the target beside computing, and do not declare.

    Args:
        read_pristine: content before any patch, by path; None when there is no such file.
        series: known to fit, in order.
    """
    state: dict[str, bytes | None] = {}

    def now(path: str) -> bytes | None:
        return state[path] if path in state else read_pristine(path)

    result: list[Undeclared] = []
    for patch in series:
        _, written = rewrite_patch(chosen_form(patch, now, rewrite), now, rewrite)
        for path, content in written.items():
            if content is None:  # a file that is deleted adds nothing
                continue
            for effect in added(path, now(path), content):
                if not effect.accepts & frozenset(patch.declares):
                    needs = tuple(sorted(each.value for each in effect.accepts))
                    result.append(Undeclared(patch.name, path, effect.line, effect.what, needs))
        state.update(written)
    return tuple(result)


def added(path: str, before: bytes | None, after: bytes) -> list[SideEffect]:
    """The effects of a file's new content that its old content did not have in the same place."""
    if before is None and (problem := _new_file(path)):
        return [problem]
    if not path.endswith((".py", ".pyi")):
        return []
    known = dict(counted(side_effects(_text(before)) if before is not None else ()))
    new = []
    for effect in side_effects(_text(after)):
        key = effect.within, effect.what
        if known.get(key, 0):
            known[key] -= 1
        else:
            new.append(effect)
    return new


def _new_file(path: str) -> SideEffect | None:
    """What a file's name alone says."""
    if path.endswith(NATIVE):
        return SideEffect(1, "", "adds compiled code, which cannot be looked at", NOTHING)
    module = path.partition("/")[0].removesuffix(".py")
    if module in RUN_UNASKED or module in sys.stdlib_module_names:
        return SideEffect(
            1, "", f"adds `{path}`, which hides the library's own `{module}`", GLOBALS
        )
    return None


def _text(content: bytes) -> str:
    """Source as Python reads it: by its byte order mark or its coding line."""
    import importlib.util

    return importlib.util.decode_source(content)


def declared(series: Sequence[Patch]) -> Mapping[str, tuple[str, ...]]:
    """What the patches of a series declare, by name; those that declare nothing are left out."""
    return {
        patch.name: tuple(each.value for each in patch.declares)
        for patch in series
        if patch.declares
    }
