"""What a failing call did with tensors: which one, who made it, in which modes."""

from __future__ import annotations

import ast
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import torch

from .conditions import Conditions, Watched
from .conditions import show as show_plain
from .contexts import OpenScope, Scopes
from .frames import Stacks, frame_json, is_pure, located, statement_at
from .recorder import FailedOperator, Maker, Recorder, Update, describe, short, tensors_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import FrameType

    from . import answers

MAX_FRAMES = 40


def once(
    run: Callable[[], object], stacks: Stacks, watched: list[Watched]
) -> tuple[Exception | None, answers.FailureJson]:
    """Make a call under a recorder; what it raised, and why."""
    scopes = Scopes(stacks)
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
                return error, explain(error, recorder)
    return None, {}


def explain(error: Exception, recorder: Recorder) -> answers.FailureJson:
    """Why a call under a recorder raised: `failure.trace`'s answer without the conditions."""
    stacks = recorder.stacks
    result = located(error, stacks)
    place = stacks.of_traceback(error.__traceback__)
    if place is None:
        return result
    frame, line = place
    here = (stacks.code(frame.f_code), line)
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
    """A value in a few words: as `conditions.show`, tensors by shape."""
    if isinstance(value, torch.Tensor):
        if value.numel() == 1:
            return str(value.item())
        return f"tensor {short(value.dtype)} {list(value.shape)}"
    if isinstance(value, torch.Size):
        return str(list(value))
    if isinstance(value, (torch.dtype, torch.device)):
        return repr(value)
    return show_plain(value)
