"""Why a call failed: run it again under a trace, and once more for the tests around the line."""

from __future__ import annotations

import ast
import os
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import torch

from .conditions import Conditions, Watched, watch_line
from .contexts import OpenScope, Scopes
from .frames import StackLevel, Stacks, is_pure, statement_at
from .recorder import FailedOperator, Maker, Recorder, Update, describe, short, tensors_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import FrameType

    from . import answers

MAX_FRAMES = 40


def trace(
    run: Callable[[], object],
    tree: str | None = None,
    watch: Iterable[answers.WatchJson] = (),
) -> answers.FailureJson:
    """Run a call that is expected to fail, and say why it does.

    Args:
        run: the call; it is made twice when it fails, since the tests around the failing line are
            only known then.
        tree: import root of the target; paths in the answer are relative to it.
        watch: further lines ``{"file", "line"}`` whose tests to follow (for a call that passes).

    Returns:
        JSON values. ``kind`` is ``none`` (it passed), ``inplace-update``, ``memory-format``,
        ``inference-tensor`` or ``other``; ``at`` the failing line; ``tensor`` what it was done to;
        ``made`` and ``now`` the call stack and modes then and at the failure; ``conditions`` the
        watched lines (the failing one first) with what their tests evaluated to.
    """
    stacks = Stacks(tree)
    scopes = Scopes(stacks)
    watched = [watch_line(os.path.join(tree or "", each["file"]), each["line"]) for each in watch]
    error, result, recorder = _once(run, stacks, scopes, watched)
    answer: answers.FailureJson = {"kind": "none", "watched": [each.as_json() for each in watched]}
    if error is None:
        return answer
    answer.update(result)
    place = stacks.of_traceback(error.__traceback__)
    if place is not None:
        frame, line = place
        around = watch_line(frame.f_code.co_filename, line)
        if around.guards:
            del frame, place, error, recorder
            _once(run, stacks, scopes, [around])
        answer["conditions"] = around.as_json()
    return answer


def _once(
    run: Callable[[], object], stacks: Stacks, scopes: Scopes, watched: list[Watched]
) -> tuple[Exception | None, answers.FailureJson, Recorder]:
    recorder = Recorder(stacks, scopes)
    conditions = Conditions(watched, show, recorder.pause)
    with ExitStack() as stack:
        stack.enter_context(scopes.watch())
        stack.enter_context(recorder)
        stack.enter_context(conditions.follow())
        try:
            run()
        except Exception as error:
            with recorder.pause():
                return error, explain(error, recorder), recorder
    return None, {}, recorder


def explain(error: Exception, recorder: Recorder) -> answers.FailureJson:
    """Why a call under a recorder raised: `trace`'s answer without the conditions."""
    stacks = recorder.stacks
    result: answers.FailureJson = {
        "kind": "other",
        "type": type(error).__name__,
        "message": str(error),
        "at": None,
    }
    place = stacks.of_traceback(error.__traceback__)
    if place is None:
        return result
    frame, line = place
    here = (stacks.code(frame.f_code), line)
    result["at"] = {
        **frame_json(stacks.frame(frame.f_code, line)),
        "statement": statement_at(frame.f_code.co_filename, line),
    }
    failure = recorder.failures[-1] if recorder.failures else None
    update = recorder.last_update
    if failure is not None and failure.message == str(error):
        result.update(_of_failure(failure))
    elif update is not None and update.on_inference_tensor and update.stack[:1] == (here,):
        if not update.inference:
            result.update(_of_update(update, stacks))
    else:
        result.update(_of_operands(frame, line, recorder))
    return result


def _of_update(update: Update, stacks: Stacks) -> answers.FailureJson:
    return {
        "kind": "inplace-update",
        "operator": update.operator,
        "tensor": {"shape": list(update.shape), "dtype": update.dtype, "rank": len(update.shape)},
        "made": maker_json(update.maker, stacks),
        "now": {
            "inference": update.inference,
            "grad": update.grad,
            "scopes": [scope_json(scope, stacks) for scope in update.scopes],
        },
    }


def _of_failure(failure: FailedOperator) -> answers.FailureJson:
    asked = failure.memory_format
    first = failure.tensors[0] if failure.tensors else None
    if asked in {"channels_last", "channels_last_3d"} and first:
        rank = 4 if asked == "channels_last" else 5
        if first["rank"] != rank:
            return {
                "kind": "memory-format",
                "operator": failure.operator,
                "tensor": first,
                "memory_format": asked,
                "rank_wanted": rank,
            }
    return {"operator": failure.operator, "tensor": first, "operands": list(failure.tensors)}


def _of_operands(frame: FrameType, line: int, recorder: Recorder) -> answers.FailureJson:
    """An inference tensor among what the failing statement reads: torch refused before it ran."""
    if torch.is_inference_mode_enabled():
        return {}
    for tensor in _read_by(frame, line):
        if tensor.is_inference():
            return {
                "kind": "inference-tensor",
                "tensor": describe(tensor),
                "made": maker_json(recorder.maker_of(tensor), recorder.stacks),
                "now": {"inference": False, "grad": torch.is_grad_enabled(), "scopes": []},
            }
    return {}


def _read_by(frame: FrameType, line: int) -> Iterable[torch.Tensor]:
    try:
        statement = ast.parse(statement_at(frame.f_code.co_filename, line))
    except SyntaxError:
        return
    for node in ast.walk(statement):
        if not isinstance(node, (ast.Name, ast.Attribute, ast.Subscript)) or not is_pure(node):
            continue
        try:
            value = eval(ast.unparse(node), frame.f_globals, frame.f_locals)
        except Exception:
            continue
        if not isinstance(value, torch.nn.Module):
            yield from tensors_in(value)


def frame_json(frame: StackLevel) -> answers.FrameJson:
    """Plain data for the parent process."""
    return {"file": frame.file, "line": frame.line, "function": frame.function}


def scope_json(scope: OpenScope, stacks: Stacks) -> answers.ScopeJson:
    """Plain data for the parent process; the frame is the one that opened the scope."""
    return {
        "mode": scope.mode,
        "enabled": scope.enabled,
        "decorator": scope.decorator,
        **frame_json(stacks.frame(scope.code.code, scope.line)),
    }


def maker_json(maker: Maker, stacks: Stacks) -> answers.MakerJson:
    """Plain data for the parent process."""
    return {
        "operator": maker.operator,
        "adopted": maker.adopted,
        "inference": maker.inference,
        "stack": [frame_json(frame) for frame in stacks.resolve(maker.stack[:MAX_FRAMES])],
        "scopes": [scope_json(scope, stacks) for scope in maker.scopes],
    }


def show(value: Any) -> str:
    """A value in a few words: numbers and text as they are, tensors by shape, the rest by type."""
    if isinstance(value, torch.Tensor):
        if value.numel() == 1:
            return str(value.item())
        return f"tensor {short(value.dtype)} {list(value.shape)}"
    if isinstance(value, torch.Size):
        return str(list(value))
    if value is None or isinstance(value, (bool, int, float, str, torch.dtype, torch.device)):
        text = repr(value)
        return text if len(text) <= 60 else text[:57] + "..."
    size = f" of {len(value)}" if isinstance(value, (tuple, list, dict, set)) else ""
    return type(value).__name__.strip("_") + size
