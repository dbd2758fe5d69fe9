"""Edits that need no pattern: `import`, `define`, `body`, and `transform`."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from patcher.errors import PatcherError
from patcher.patchfile.model import Edit, EditStatus
from patcher.patchfile.python import parse_python
from patcher.rewrite.kinds.match import Result, decide, no_definition, site_at
from patcher.rewrite.outcome import Outcome, Site
from patcher.rewrite.source import Definition, lines_in_strings
from patcher.rewrite.splice import Splice, in_word

if TYPE_CHECKING:
    from collections.abc import Iterator

    from patcher.rewrite.matching.regions import File
    from patcher.rewrite.matching.tree import Tree
    from patcher.rewrite.source import Source

_Import = ast.Import | ast.ImportFrom
_Defined = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def add_import(file: File, edit: Edit) -> Result:
    """Plan an `import`: names that the top level does not import yet, where imports go."""
    source = file.source
    present = {key for node in source.tree.body for key in _imported(node)}
    missing: list[str] = []
    for node in parse_python(edit.replacement or "").body:
        assert isinstance(node, _Import)
        aliases = [each for each, key in zip(node.names, _imported(node), strict=True)
                   if key not in present]  # fmt: skip
        if aliases:
            copy: _Import = (
                ast.Import(names=aliases)
                if isinstance(node, ast.Import)
                else ast.ImportFrom(module=node.module, names=aliases, level=node.level)
            )
            missing.append(ast.unparse(copy))
    if not missing:
        return Outcome(edit, EditStatus.ALREADY, found=1), []
    future = all(line.startswith("from __future__ ") for line in missing)
    at, lead, tail = _after_imports(source, future)
    text = lead + source.newline.join(missing) + source.newline + tail
    place, code = (site_at(file, at, at),), ("\n".join(missing),)
    return Outcome(edit, EditStatus.READY, place, 1, written=code), [Splice(at, at, text)]


def _imported(node: ast.stmt) -> list[tuple[str | None, int, str, str | None]]:
    """What a statement imports, as comparable keys."""
    if isinstance(node, ast.Import):
        return [(None, 0, each.name, each.asname) for each in node.names]
    if isinstance(node, ast.ImportFrom):
        return [(node.module, node.level, each.name, each.asname) for each in node.names]
    return []


def _after_imports(source: Source, future: bool = False) -> tuple[int, str, str]:
    """Where a line goes that follows the leading imports: offset, what to write around it."""
    body = source.tree.body
    last: ast.stmt | None = None
    imports = False
    for index, node in enumerate(body):
        docstring = index == 0 and _is_docstring(node)
        is_future = isinstance(node, ast.ImportFrom) and node.module == "__future__"
        if not docstring and not (isinstance(node, _Import) and (is_future or not future)):
            break
        last, imports = node, imports or not docstring
    if last is None:
        if not body:
            end = len(source.text)
            unfinished = bool(source.text) and not source.text.endswith(("\n", "\r"))
            return end, source.newline if unfinished else "", ""
        decorators = [each.lineno for each in getattr(body[0], "decorator_list", ())]
        first = min([body[0].lineno, *decorators])
        return source.starts[first - 1], "", source.newline
    end = source.line_end(_end_of(source, last))
    lead = "" if source.text[:end].endswith(("\n", "\r")) else source.newline
    return end, lead if imports else lead + source.newline, ""


def _end_of(source: Source, node: ast.stmt) -> int:
    return max(source.starts[(node.end_lineno or node.lineno) - 1], 0)


def _is_docstring(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def define(file: File, edit: Edit) -> Result:
    """Plan a `define`: helpers at the top level, after the imports."""
    source = file.source
    present = {name: node for node in source.tree.body for name in _defined(node)}
    wanted = parse_python(edit.replacement or "").body
    known = [(name, node) for node in wanted for name in _defined(node)]
    same = [ast.dump(present[name]) == ast.dump(node) for name, node in known if name in present]
    if same and all(same) and len(same) == len(known):
        places = tuple(_place(file, present[name]) for name, _ in known)
        return Outcome(edit, EditStatus.ALREADY, places, 1), []
    if same:
        taken = next(name for name, node in known if (name in present
                     and ast.dump(present[name]) != ast.dump(node)) or name in present)  # fmt: skip
        message = f"{edit.file} defines {taken} already"
        site = _place(file, present[taken])
        return Outcome(edit, EditStatus.CONFLICT, (site,), 1, message=message,
                       hint="give the helper another name"), []  # fmt: skip
    at, lead = _below_what_it_uses(source, wanted)
    newline = source.newline
    code = newline.join((edit.replacement or "").strip("\n").split("\n"))
    before = newline * 2 if source.text[:at].strip() else ""
    after = newline * 2 if source.text[at:].strip() else ""
    rest = source.text[at:]
    blank = re.match(r"(?:[ \t]*(?:\r\n|\r|\n))*", rest)
    have = len(re.findall(r"\r\n|\r|\n", blank[0])) if blank else 0
    after = newline * max(0, 2 - have) if after else ""
    lead = (
        lead.removesuffix(newline) if before and lead and source.text[:at].endswith("\n") else lead
    )
    text = lead + before + code + newline + after
    place = (site_at(file, at, at),)
    return Outcome(edit, EditStatus.READY, place, 1, written=(code,)), [Splice(at, at, text)]


def _below_what_it_uses(source: Source, helpers: list[ast.stmt]) -> tuple[int, str]:
    """Where a helper goes: after the leading imports, and after what it needs when it is defined.

    Names in the body of a function are looked up when it runs; only imports of them count.
    """
    at, lead, _ = _after_imports(source)
    needed = {name for each in helpers for name in _used_at_once(each)}
    used = {node.id for each in helpers for node in ast.walk(each) if isinstance(node, ast.Name)}
    last: ast.stmt | None = None
    for node in source.tree.body:
        imports = any(isinstance(below, _Import) for below in _at_once(node))
        if _bound(node) & (used if imports else needed):
            last = node
    if last is None:
        return at, lead
    end = source.line_end(_end_of(source, last))
    if end <= at:
        return at, lead
    return end, "" if source.text[:end].endswith(("\n", "\r")) else source.newline


def _at_once(node: ast.AST) -> Iterator[ast.AST]:
    """A node and what of it runs when it is reached: not the bodies of functions."""
    yield node
    later: list[ast.AST] = []
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        later = [*node.body]
    elif isinstance(node, ast.Lambda):
        later = [node.body]
    for child in ast.iter_child_nodes(node):
        if child not in later:
            yield from _at_once(child)


def _used_at_once(node: ast.stmt) -> set[str]:
    return {e.id for e in _at_once(node) if isinstance(e, ast.Name) and isinstance(e.ctx, ast.Load)}


def _bound(node: ast.stmt) -> set[str]:
    """Names of the module that a statement of the top level binds."""
    found: set[str] = set()
    for each in [node] if isinstance(node, _Defined) else _at_once(node):
        if isinstance(each, _Defined):
            found.add(each.name)
        elif isinstance(each, _Import):
            found |= {(name.asname or name.name).partition(".")[0] for name in each.names}
        elif isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store):
            found.add(each.id)
    return found


def _defined(node: ast.stmt) -> list[str]:
    if isinstance(node, _Defined):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else []
    targets = [node.target] if isinstance(node, ast.AnnAssign) else targets
    return [each.id for each in targets if isinstance(each, ast.Name)]


def _place(file: File, node: ast.stmt) -> Site:
    start, end = file.source.lines(node.lineno, node.end_lineno or node.lineno)
    return site_at(file, start + len(file.source.indent(start)), end)


def body(file: File, edit: Edit) -> Result:
    """Plan a `body`: all of a function's statements; its docstring stays unless one is given."""
    assert edit.within is not None
    source = file.source
    definitions = file.definitions(edit.within, edit.decorated)
    if not definitions:
        return no_definition(file, edit), []
    wanted = parse_python(edit.replacement or "").body
    sites: list[Site] = []
    written: list[Site] = []
    splices: list[Splice] = []
    for definition in definitions:
        node = definition.node
        if isinstance(node, ast.ClassDef):
            message = f"{definition.name} is a class: it has no body to replace"
            hint = "name one of its methods"
            return Outcome(edit, EditStatus.CONFLICT, message=message, hint=hint), []
        keeps = _is_docstring(node.body[0]) and not _is_docstring(wanted[0])
        old = node.body[1:] if keeps else node.body
        site = _place(file, node)
        if [ast.dump(each) for each in old] == [ast.dump(each) for each in wanted]:
            written.append(site)
            continue
        sites.append(site)
        splices.append(_body_splice(source, node, old, edit.replacement or ""))
    outcome = decide(edit, tuple(sites), tuple(written))
    if outcome.status is EditStatus.AMBIGUOUS:
        outcome = replace(outcome, hint=_which(definitions) or outcome.hint)
    return outcome, splices if outcome.status is EditStatus.READY else []


def _which(definitions: list[Definition]) -> str:
    """How to name one of several definitions of a name, where their decorators differ."""
    marks = [[ast.unparse(one) for one in each.node.decorator_list] for each in definitions]
    others = [m for i, m in enumerate(marks) if all(m != n for j, n in enumerate(marks) if j != i)]
    if len({each.name for each in definitions}) > 1 or not others:
        return ""
    ways = " or ".join(f"`decorated: {each[0] if each else chr(34) * 2}`" for each in others)
    return f"they are several definitions of one name: choose with {ways}"


def _body_splice(
    source: Source, node: ast.FunctionDef | ast.AsyncFunctionDef, old: list[ast.stmt], text: str
) -> Splice:
    first = node.body[0]
    start = _offset(source, first.lineno, first.col_offset)
    indent, outer = source.indent(start), source.indent(source.starts[node.lineno - 1])
    own_line = not source.text[source.line_start(start) : start].strip()
    if not own_line:
        indent = outer + (file_unit(source) or "    ")
    newline = source.newline
    code = _indented(text.strip("\n"), indent, newline)
    end = _offset(source, node.end_lineno or node.lineno, node.end_col_offset or 0)
    kept = node.body[: len(node.body) - len(old)]  # the docstring, if it stays
    if own_line and not kept:
        return Splice(source.line_start(start), end, code)
    if not kept:
        return Splice(len(source.text[:start].rstrip(" \t")), end, newline + code)
    stop = _offset(source, kept[0].end_lineno or 0, kept[0].end_col_offset or 0)
    if own_line and old and source.text[stop : source.line_end(stop)].lstrip()[:1] != ";":
        decorators = [each.lineno for each in getattr(old[0], "decorator_list", ())]
        return Splice(source.starts[min([old[0].lineno, *decorators]) - 1], end, code)
    if own_line and not old:
        tail = source.line_end(stop)
        lead = "" if source.text[stop:tail].endswith(("\n", "\r")) else newline
        return Splice(tail, tail, lead + code + newline * (not lead))
    docstring = source.text[start:stop]
    if own_line:
        return Splice(start, end, docstring + newline + code)
    head = len(source.text[:start].rstrip(" \t"))
    return Splice(head, end, newline + indent + docstring + newline + code)


def file_unit(source: Source) -> str:
    """The white space by which the first block of a file is indented."""
    for node in ast.walk(source.tree):
        block = getattr(node, "body", None)
        if isinstance(node, ast.stmt) and isinstance(block, list) and block:
            inner, outer = (source.indent(source.starts[n.lineno - 1]) for n in (block[0], node))
            if inner.startswith(outer) and inner != outer:
                return inner.removeprefix(outer)
    return ""


def _offset(source: Source, line: int, column: int) -> int:
    """Offset of ast's position: its column counts UTF-8 bytes."""
    start = source.starts[line - 1]
    text = source.text[start : source.line_end(start)]
    return start + len(text.encode()[:column].decode())


def _indented(text: str, indent: str, newline: str) -> str:
    """Code moved to an indentation; lines that start inside a string stay."""
    starts = [0, *(found.end() for found in re.finditer("\n", text))]
    inside = lines_in_strings(parse_python(text), text, starts)
    lines = [
        line if number in inside or not line.strip() else indent + line
        for number, line in enumerate(text.split("\n"), 1)
    ]
    return newline.join(lines)


def transform(file: File, edit: Edit, code: bytes) -> Result:
    """Plan a `transform`: a function from a LibCST node to the node that replaces it.

    It is given the definition that `within` names, or the whole module, and runs from the text that
    travels with the spec. What it returns unchanged is not a site.
    """
    import libcst as cst

    module, _, name = (edit.pattern or "").partition(":")
    namespace: dict[str, object] = {"__name__": module}
    try:
        exec(compile(code, f"{module}.py", "exec"), namespace)
        function = namespace[name]
        assert callable(function)
        spans: list[tuple[Tree, bool]]
        if edit.within in (None, "<module>"):
            spans = [(file.whole(), True)]
        else:
            definitions = file.definitions(edit.within or "", edit.decorated)
            if not definitions:
                return no_definition(file, edit), []
            spans = [(file.tree(each.first, each.last), False) for each in definitions]
        sites: list[Site] = []
        written: list[Site] = []
        splices: list[Splice] = []
        results: list[str] = []
        for tree, all_of_it in spans:
            node = tree.module if all_of_it else tree.first
            new = function(node)
            old_text = tree.code
            module_node = new if all_of_it else tree.module.deep_replace(node, new)
            assert isinstance(module_node, cst.Module)
            new_text = module_node.code[len(tree.prefix) :]
            start, end = tree.lines
            if new_text == old_text:
                written.append(site_at(file, start, end))
                continue
            sites.append(site_at(file, start, end))
            results.append(module_node.code)
            splices.append(smallest(Splice(start, end, new_text), old_text))
    except PatcherError:
        raise
    except Exception as error:  # somebody's code: whatever it raises is theirs
        message = f"{edit.pattern} raised {type(error).__name__}: {error}"
        hint = "the function must take any node that the edit names"
        return Outcome(edit, EditStatus.CONFLICT, message=message, hint=hint), []
    outcome = decide(edit, tuple(sites), tuple(written))
    if outcome.status is not EditStatus.READY:
        return outcome, []
    return replace(outcome, written=tuple(results)), splices


def smallest(splice: Splice, old: str) -> Splice:
    """The splice without the words it has in common with the old text at both ends."""
    new, head = splice.text, 0
    while head < min(len(old), len(new)) and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < min(len(old), len(new)) - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    while head and in_word(old[head - 1]):
        head -= 1
    while tail and in_word(old[-tail]):
        tail -= 1
    return Splice(splice.start + head, splice.end - tail, new[head : len(new) - tail])
