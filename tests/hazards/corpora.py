"""Runs the corpus: what is predicted for each module, and what fails when it is patched for real.

Every file of `corpus/` is a small module with a function ``run``. A patch turns each of its
``no_grad`` into ``inference_mode``, uncomments lines that start with ``#+`` and puts what follows
``#=`` in place of its line. Lines marked ``# fails`` are the known answer.

The truth is not the marks: the patched module is run with every simple statement in a ``try`` of
its own, so that all failures of one run are seen, each at its line.

Run as a module it prints one JSON object; torch and its warnings stay in that process.
"""

from __future__ import annotations

import ast
import importlib.util
import json
import re
import sys
import tempfile
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

from patcher.hazards.effects import Planned, plan_effects
from patcher.hazards.predict import Prediction
from patcher.hazards.traces import DynamicMap, SurveyedRun
from patcher.patchfile.model import Equivalence, Patch

CORPUS = Path(__file__).with_name("corpus")
Line = tuple[str, int]


def sources() -> dict[str, bytes]:
    """Every module of the corpus."""
    return {path.name: path.read_bytes() for path in sorted(CORPUS.glob("*.py"))}


def patched(source: bytes) -> bytes:
    """The module with every site turned, line by line."""
    text = re.sub(r"^( *).*#= ", r"\1", source.decode(), flags=re.MULTILINE)
    text = re.sub(r"^( *)#\+ ", r"\1", text, flags=re.MULTILINE)
    return re.sub(r"\bno_grad\b", "inference_mode", text).encode()


def marked() -> set[Line]:
    """Lines that are known to fail."""
    return {
        (name, number)
        for name, source in sources().items()
        for number, line in enumerate(source.decode().split("\n"), 1)
        if line.endswith("# fails")
    }


def planned() -> Planned:
    """The effects of the corpus's patch, found as those of any other."""
    patch = Patch("corpus", "", ("corpus",), Equivalence.BITWISE, ())
    after = {name: patched(source) for name, source in sources().items()}

    def replay(read: Any, patches: Any) -> dict[str, bytes]:
        return {name: text for name, text in after.items() if text != read(name)}

    return plan_effects(sources().get, [patch], replay)


def predicted(plan: Planned) -> tuple[set[Line], DynamicMap]:
    """Lines that the prediction names, from one run of each neutralised module."""
    from patcher.worker.tracing.survey import observe

    with tempfile.TemporaryDirectory() as folder:
        for name, source in {**sources(), **plan.neutral()}.items():
            (Path(folder) / name).write_bytes(source)
        acts = {name: load(Path(folder) / name).run for name in sources()}
        run = SurveyedRun.read(observe(acts, folder))
    ran = DynamicMap("", {"corpus": run})
    hazards = list(Prediction(plan, ran, ran).hazards())
    return {(each.at.file, each.at.line) for each in hazards}, ran


def seen(plan: Planned) -> dict[Line, str]:
    """Lines that fail in the patched modules, with the errors."""
    actual: dict[Line, str] = {}
    for name in sources():
        tree = ast.parse(plan.files.get(name, sources()[name]))
        guarded = ast.fix_missing_locations(_Guard(name).visit(tree))
        module = ModuleType(name.removesuffix(".py"))

        def failed(line: int, error: BaseException, name: str = name) -> None:
            if not isinstance(error, RuntimeError):
                raise AssertionError(f"{name}:{line}: {error!r}") from error
            actual.setdefault((name, line), str(error))

        module._failed = failed
        path = CORPUS / name
        exec(compile(guarded, str(path), "exec"), module.__dict__)
        module.run()
    return actual


class _Guard(ast.NodeTransformer):
    """Puts every simple statement inside a function into a ``try`` that reports and goes on."""

    def __init__(self, name: str) -> None:
        self.depth = 0

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        if any("script" in ast.unparse(each) for each in node.decorator_list):
            return node  # TorchScript compiles the source
        self.depth += 1
        self.generic_visit(node)
        self.depth -= 1
        return node

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815

    def _guard(self, node: Any) -> ast.AST:
        text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if not self.depth or text or any(isinstance(each, ast.Yield) for each in ast.walk(node)):
            return node
        attempt = ast.parse("try:\n    pass\nexcept Exception as error:\n    _failed(0, error)")
        block: Any = attempt.body[0]
        block.body = [node]
        block.handlers[0].body[0].value.args[0].value = node.lineno
        return block

    visit_Assign = visit_AugAssign = visit_Expr = _guard  # noqa: N815


def load(path: Path) -> ModuleType:
    """A module from its file, under a name of its own."""
    spec = importlib.util.spec_from_file_location(f"corpus_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main() -> None:
    warnings.simplefilter("ignore")
    plan = planned()
    named, ran = predicted(plan)
    truth = seen(plan)
    answer = {
        "modules": len(sources()),
        "failures": [[*line, error] for line, error in sorted(truth.items())],
        "predicted": sorted(named),
        "stopped": [[each.act, each.message] for each in ran.runs["corpus"].failures],
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    sys.exit(main())
