"""Everything a call does that a patch could break, without breaking anything.

The answer is plain data with three tables: ``places`` (file, line, function), ``scopes`` and
``events``. An event is something that inference mode, a memory format or a dtype could turn into
a failure, together with the maker of the tensor it happens to and the scopes open then and now.
Whether it is one is decided later, for any patch, by whoever reads the answer.
"""

from __future__ import annotations

import gc
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch.autograd.graph import saved_tensors_hooks
from torch.overrides import TorchFunctionMode

from .conditions import Conditions, followed, with_lines
from .contexts import OpenScope, Scopes
from .frames import Level, Stack, Stacks, statement_at
from .recorder import Recorder, memory_format_of, short, tensors_in
from .tensors import explain, scope_json, show

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from .answers import ActFailureJson, EventJson, SurveyJson, TallyJson, WatchJson
    from .recorder import Update

SYNCHRONISING = {
    "aten::_local_scalar_dense", "aten::nonzero", "aten::is_nonzero", "aten::equal",
    "aten::masked_select", "aten::_unique2", "aten::unique_dim", "aten::unique_consecutive",
}  # fmt: skip
CONVOLUTIONS = {
    "aten::convolution", "aten::_convolution", "aten::convolution_overrideable",
    "aten::mkldnn_convolution", "aten::cudnn_convolution", "aten::miopen_convolution",
    "aten::mps_convolution", "aten::conv1d", "aten::conv2d", "aten::conv3d",
    "aten::conv_transpose1d", "aten::conv_transpose2d", "aten::conv_transpose3d",
}  # fmt: skip
RANKS = {torch.channels_last: 4, torch.channels_last_3d: 5}
MAX_FACTS = 64


def observe(
    acts: Mapping[str, Callable[[], object]],
    tree: str | None = None,
    watch: Sequence[WatchJson] = (),
) -> SurveyJson:
    """Run calls one after the other and record what they do.

    Args:
        acts: the calls by name (`conditions.LOADING` and then the tests, say); one that raises is
            explained under ``failures``, and the next one runs.
        tree: import root of the target; paths in the answer are relative to it.
        watch: lines ``{"file", "line"}`` whose tests to follow.

    Returns:
        JSON values: ``places``, ``scopes``, ``acts`` (names), ``events``, ``convolutions``,
        ``conversions``, ``synchronisations``, ``mixed``, ``refusals`` (operators that raised, whose
        inputs were then converted so that the run goes on), ``watched``, ``failures`` and
        ``operators`` (how many ran).
    """
    stacks = Stacks(tree)
    scopes = Scopes(stacks)
    survey = Survey(stacks, scopes)
    watched = followed(acts, tree, watch)
    with ExitStack() as stack:
        stack.enter_context(scopes.watch())
        stack.enter_context(survey)
        stack.enter_context(_CallMode(survey))
        stack.enter_context(saved_tensors_hooks(survey.on_save, lambda tensor: tensor))
        stack.enter_context(_watch_parameters(survey))
        for name, act in acts.items():
            survey.begin(name)
            with Conditions(watched.get(name, ()), show, survey.pause).follow():
                try:
                    act()
                except Exception as error:
                    survey.failed(error)
    return with_lines(survey.answer(), watched, watch)


class Survey(Recorder):
    """A recorder that tallies by place."""

    def __init__(self, stacks: Stacks, scopes: Scopes) -> None:
        super().__init__(stacks, scopes, on_update=self._on_update, forgive=True)
        self._places: dict[tuple[str, int, str], int] = {}
        self._sources: list[str] = []
        self._place_of: dict[Level, int] = {}
        self._scopes: dict[OpenScope, int] = {}
        self._events: dict[tuple[Any, ...], EventJson] = {}
        self._tallies: dict[str, dict[int, TallyJson]] = {}
        self._failed_acts: list[ActFailureJson] = []
        self._acts: list[str] = []
        self._modules: dict[int, str] = {}
        self._module = ""

    def begin(self, name: str) -> None:
        """What follows belongs to another act."""
        self._acts.append(name)
        self._modules = module_names()

    def failed(self, error: Exception) -> None:
        """An act raised."""
        with self.pause():
            self._failed_acts.append({"act": self._acts[-1], **explain(error, self)})
        error.__traceback__ = None

    # -- events: what inference mode could turn into a failure --------------------------------

    def _on_update(self, update: Update) -> None:
        self._event("inplace-update", update)

    def on_save(self, tensor: torch.Tensor) -> torch.Tensor:
        """Autograd keeps a tensor for the backward pass."""
        self.note("saved-for-backward", tensor)
        return tensor

    def note(self, kind: str, tensor: torch.Tensor) -> None:
        """Something happened to a tensor that inference tensors do not allow."""
        if not self.paused:
            self._event(kind, self.update_of(kind, tensor, self.stacks.capture()))

    def _event(self, kind: str, update: Update) -> None:
        stack, scopes, maker = update.stack, update.scopes, update.maker
        if not stack or (kind == "saved-for-backward" and scopes == maker.scopes):
            return  # made and used under the very same scopes: nothing can come between
        at = self._place(stack[0])
        made = self._place(maker.stack[0]) if maker.stack else None
        key = (
            kind, at, scopes, update.inference, update.on_inference_tensor,
            made, maker.scopes, maker.inference, maker.adopted,
        )  # fmt: skip
        event = self._events.get(key)
        if event is None:
            event = self._events[key] = {
                "kind": kind,
                "operator": update.operator,
                "at": at,
                "via": [self._place(level) for level in stack[1:12]],
                "scopes": [self._scope(scope) for scope in scopes],
                "inference": update.inference,
                "on_inference_tensor": update.on_inference_tensor,
                "made": made,
                "made_by": maker.operator,
                "made_scopes": [self._scope(scope) for scope in maker.scopes],
                "made_inference": maker.inference,
                "adopted": maker.adopted,
                "shape": list(update.shape),
                "dtype": update.dtype,
                "acts": [],
                "count": 0,
            }
        event["count"] += 1
        if self._acts[-1] not in event["acts"]:
            event["acts"].append(self._acts[-1])

    # -- tallies ------------------------------------------------------------------------------

    def after(self, name: str, args: Any, kwargs: Any, stack: Stack, wall_s: float) -> None:
        if not stack:
            return
        if name in CONVOLUTIONS:
            fact = [*_form(args[0]), *_form(args[1]), self._module]
            self._tally("convolutions", stack, fact, wall_s)
        elif name in SYNCHRONISING or (name == "aten::_to_copy" and _leaves_device(args, kwargs)):
            self._tally("synchronisations", stack, [name.removeprefix("aten::")], wall_s)
        layout = kwargs.get("memory_format")
        if layout in RANKS:
            source = next(iter(tensors_in(args)), None)
            if source is not None:
                fact = [short(layout), RANKS[layout], source.dim(), list(source.shape)]
                self._tally("conversions", stack, fact, wall_s)
        floating = {
            short(tensor.dtype)
            for tensor in tensors_in(args)
            if tensor.dtype.is_floating_point and tensor.dim() > 0
        }
        if len(floating) > 1 and "copy" not in name:
            self._tally("mixed", stack, [name.removeprefix("aten::"), *sorted(floating)], wall_s)

    def refused(self, name: str, args: Any, kwargs: Any, stack: Stack, error: Exception) -> None:
        super().refused(name, args, kwargs, stack, error)
        if stack and memory_format_of(args, kwargs) not in RANKS:
            dtypes = [short(tensor.dtype) for tensor in tensors_in(args)]
            self._tally("refusals", stack, [name.removeprefix("aten::"), str(error), *dtypes], 0.0)

    def _tally(self, table: str, stack: Stack, fact: list[Any], wall_s: float) -> None:
        at = self._place(stack[0])
        row = self._tallies.setdefault(table, {}).get(at)
        if row is None:
            via = [self._place(level) for level in stack[1:12]]
            row = {"at": at, "via": via, "count": 0, "wall_s": 0.0, "facts": [], "acts": []}
            self._tallies[table][at] = row
        row["count"] += 1
        row["wall_s"] += wall_s
        if fact not in row["facts"] and len(row["facts"]) < MAX_FACTS:
            row["facts"].append(fact)
        if self._acts[-1] not in row["acts"]:
            row["acts"].append(self._acts[-1])

    def on_module(self, module: torch.nn.Module, arguments: Any) -> None:
        """A convolution's module is about to run (a global forward hook)."""
        if isinstance(module, torch.nn.modules.conv._ConvNd):
            self._module = self._modules.get(id(module), type(module).__name__)

    def __enter__(self) -> Survey:
        self._hook = torch.nn.modules.module.register_module_forward_pre_hook(self.on_module)
        super().__enter__()
        return self

    def __exit__(self, *exception: Any) -> None:
        self._hook.remove()
        super().__exit__(*exception)

    # -- tables ------------------------------------------------------------------------------

    def _place(self, level: Level) -> int:
        if level not in self._place_of:
            code = level[0].code
            frame = self.stacks.frame(code, level[1])
            key = (frame.file, frame.line, frame.function)
            if key not in self._places:
                self._places[key] = len(self._places)
                self._sources.append(statement_at(code.co_filename, frame.line))
            self._place_of[level] = self._places[key]
        return self._place_of[level]

    def _scope(self, scope: OpenScope) -> int:
        return self._scopes.setdefault(scope, len(self._scopes))

    def answer(self) -> SurveyJson:
        """The record as plain data."""

        def table(name: str) -> list[TallyJson]:
            return list(self._tallies.get(name, {}).values())

        return {
            "acts": self._acts,
            "operators": self.operators,
            "places": [
                [*place, source] for place, source in zip(self._places, self._sources, strict=True)
            ],
            "scopes": [scope_json(scope, self.stacks) for scope in self._scopes],
            "events": list(self._events.values()),
            "failures": self._failed_acts,
            "convolutions": table("convolutions"),
            "conversions": table("conversions"),
            "synchronisations": table("synchronisations"),
            "mixed": table("mixed"),
            "refusals": table("refusals"),
            "watched": [],
        }


class _CallMode(TorchFunctionMode):  # type: ignore[misc]
    """Sees what is no operator: attributes that are set, and calls into autograd."""

    def __init__(self, survey: Survey) -> None:
        super().__init__()
        self.survey = survey

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        if name in {"__set__", "__get__"}:
            self._attribute(name, getattr(func.__self__, "__name__", ""), args)
        elif name == "requires_grad_":
            if (args[1] if len(args) > 1 else kwargs.get("requires_grad", True)) is True:
                self.survey.note("requires-grad", args[0])
        elif name in {"backward", "grad"}:
            for tensor in tensors_in(args[:1]):
                self.survey.note("backward", tensor)
        return func(*args, **kwargs)

    def _attribute(self, access: str, name: str, args: Any) -> None:
        if access == "__set__" and name == "data":
            self.survey.pin(args[0])
        elif access == "__set__" and name == "requires_grad" and args[1]:
            self.survey.note("requires-grad", args[0])
        elif access == "__get__" and name == "_version":
            self.survey.note("version-counter", args[0])


@contextmanager
def _watch_parameters(survey: Survey) -> Iterator[None]:
    """`torch.nn.Parameter(x)` asks for gradients; buffers made from raw memory have no operator."""
    original, frombuffer = torch.nn.Parameter.__new__, torch.frombuffer

    def made(cls: Any, data: Any = None, requires_grad: bool = True) -> Any:
        if data is not None and requires_grad:
            survey.note("requires-grad", data)
        return original(cls, data, requires_grad)

    def adopted(*arguments: Any, **named: Any) -> Any:
        result = frombuffer(*arguments, **named)
        survey.made(result, "frombuffer", survey.stacks.capture())
        return result

    torch.nn.Parameter.__new__ = made
    torch.frombuffer = adopted
    try:
        yield
    finally:
        torch.nn.Parameter.__new__, torch.frombuffer = original, frombuffer


def module_names() -> dict[int, str]:
    """Names of all live modules, by identity: the outermost module's class, then the path."""
    modules = [each for each in gc.get_objects() if issubclass(type(each), torch.nn.Module)]
    inner = {id(child) for each in modules for child in each._modules.values()}
    names: dict[int, str] = {}
    for root in modules:
        if id(root) not in inner:
            for path, module in root.named_modules():
                kind = type(root).__name__
                names.setdefault(id(module), f"{kind}.{path}" if path else kind)
    return names


def layout_of(tensor: torch.Tensor) -> str:
    """The memory format a tensor is in, by its strides."""
    if tensor.is_contiguous():
        return "contiguous"
    if tensor.dim() == 4 and tensor.is_contiguous(memory_format=torch.channels_last):
        return "channels_last"
    return "strided"


def _form(tensor: torch.Tensor) -> tuple[int, str, str]:
    return tensor.dim(), short(tensor.dtype), layout_of(tensor)


def _leaves_device(args: Any, kwargs: Any) -> bool:
    device = kwargs.get("device")
    return device is not None and args[0].device.type != torch.device(device).type
