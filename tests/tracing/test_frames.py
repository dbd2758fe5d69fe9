"""What the source says at a line."""

from __future__ import annotations

import ast
import textwrap
from pathlib import Path

from patcher.worker.tracing.frames import (
    Stacks,
    definitions_at,
    guards,
    lexical_name,
    parsed,
    qualified_name,
    statement_at,
)
from tests.tracing.programs import program

SOURCE = textwrap.dedent(
    """
    class A:
        @decorated
        def f(self, x, y):
            if x.shape[1] != 2 * y.shape[1] and ready(x):
                while x is not None:
                    y = y[:, :1]
                    x[0] = (
                        1
                    )
            elif y:
                x += 1
            else:
                x -= 1
            return x
    """
)


def line_of(text: str) -> int:
    return 1 + next(i for i, line in enumerate(SOURCE.split("\n")) if text in line)


def test_the_tests_around_a_line_come_outermost_first_with_the_outcome_it_needs() -> None:
    actual = guards(ast.parse(SOURCE), line_of("x[0] ="))
    assert [(each.test, each.outcome) for each in actual] == [
        ("x.shape[1] != 2 * y.shape[1] and ready(x)", True),
        ("x is not None", True),
    ]
    other = guards(ast.parse(SOURCE), line_of("x -= 1"))
    assert [(each.test, each.outcome) for each in other] == [
        ("x.shape[1] != 2 * y.shape[1] and ready(x)", False),
        ("y", False),
    ]


def test_only_operands_that_are_safe_to_evaluate_again_are_shown() -> None:
    outer, inner = guards(ast.parse(SOURCE), line_of("x[0] ="))
    assert outer.parts == ("x.shape[1]", "2 * y.shape[1]", "x")
    assert (outer.pure, inner.pure) == (False, True)


def test_a_decorator_belongs_to_its_function() -> None:
    chain = definitions_at(ast.parse(SOURCE), line_of("@decorated"))
    assert [node.name for node in chain] == ["A", "f"]


def test_a_statement_over_several_lines_is_shown_whole(tmp_path: Path) -> None:
    path = tmp_path / "m.py"
    path.write_text(SOURCE)
    assert statement_at(str(path), line_of("x[0] =") + 1) == "x[0] = 1"
    assert statement_at(str(path), line_of("elif y")) == "elif y:"
    assert parsed(str(tmp_path / "missing.py")) is None


def test_names_from_the_source_are_those_the_interpreter_gives(tmp_path: Path) -> None:
    module = program(
        tmp_path,
        """
        def plain(): ...


        class A:
            @staticmethod
            def method():
                def inner(): ...
                return inner

            pick = lambda self: 1
        """,
    )
    codes = {
        "plain": module.plain.__code__,
        "A.method": module.A.method.__code__,
        "A.method.inner": module.A.method().__code__,
        "A.<lambda>": module.A.pick.__code__,
    }
    assert {name: lexical_name(code) for name, code in codes.items()} == {n: n for n in codes}
    assert {name: qualified_name(code) for name, code in codes.items()} == {n: n for n in codes}


def test_equal_functions_in_different_files_stay_apart() -> None:
    stacks = Stacks()
    codes = []
    for name in ("one.py", "two.py"):
        scope: dict[str, object] = {}
        exec(compile("def f(): return g()", name, "exec"), scope)
        codes.append(scope["f"].__code__)  # type: ignore[attr-defined]
    assert codes[0] == codes[1]
    assert stacks.code(codes[0]) is not stacks.code(codes[1])
    assert stacks.code(codes[0]) is stacks.code(codes[0])
