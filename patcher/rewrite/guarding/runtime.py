"""Which definition runs, the patched one or the original: chosen for each call of an entry point.

patcher wrote this file; it needs the standard library alone. Environment, read once a process:

    PATCHER_DISABLE=name,name    these patches are off ("all": every one)
    PATCHER_ENABLE=name,name     these are on, whatever share of the calls they are rolled out to
    PATCHER_FALLBACK=off         an error in patched code is raised, even where a fallback is set

In process: `enable`, `disable`, `use`, `counters` and `log_counters`. Errors are logged under
``patcher.guard``, and at level INFO the counters when the process ends.
Patches that change the same function are one group: they are switched together.
"""

import atexit
import collections
import contextlib
import contextvars
import functools
import inspect
import logging
import os
import random
import struct
import sys
import types

try:
    import ctypes
except ImportError:  # a Python built without it
    ctypes = None

log = logging.getLogger("patcher.guard")
_scope = contextvars.ContextVar("patcher_guard_scope", default=None)
_share = random.Random()  # its own: the target's random numbers are never touched
_groups = {}  # by patch
_distinct = []


class Group:
    """One patch, or several that change the same function, and what became of their calls.

    ``switched`` is what the process was told (True, False, or None: by share); ``failed`` the
    error that turned the group off.
    """

    def __init__(self, names, fallback, rollout):
        self.names = names
        self.fallback = fallback and os.environ.get("PATCHER_FALLBACK") != "off"
        self.rollout = rollout
        self.switched = True if rollout >= 100 else None
        if _listed("PATCHER_DISABLE", names):
            self.switched = False
        elif _listed("PATCHER_ENABLE", names):
            self.switched = True
        self.failed = None
        self.patched = self.original = self.fallbacks = 0


def _listed(variable, names):
    listed = {name.strip() for name in os.environ.get(variable, "").split(",")}
    return "all" in listed or not listed.isdisjoint(names)


def group(*names, fallback=False, rollout=100):
    """Register patches that are switched together; their group is known by each of the names."""
    made = Group(names, fallback, rollout)
    _distinct.append(made)
    _groups.update(dict.fromkeys(names, made))


def enable(name):
    """Run the patched definitions from the next call of an entry point on."""
    _groups[name].switched, _groups[name].failed = True, None


def disable(name):
    """Run the original definitions from the next call of an entry point on."""
    _groups[name].switched = False


@contextlib.contextmanager
def use(name, on):
    """Switch a patch for the calls made in a ``with`` block."""
    before = _groups[name].switched
    _groups[name].switched = on
    try:
        yield
    finally:
        _groups[name].switched = before


def counters():
    """Calls of entry points by patch: {name: {"patched": n, "original": n, "fallbacks": n}}."""
    return {
        name: {"patched": g.patched, "original": g.original, "fallbacks": g.fallbacks}
        for name, g in _groups.items()
    }


@atexit.register
def log_counters():
    """Log the counters at level INFO, a line a patch."""
    for name, counts in counters().items():
        log.info("patch %s: %d calls patched, %d original, %d fallbacks", name, *counts.values())


def either(name, patched, original):
    """What takes the place of a definition: ``patched`` or ``original``, as the scope says."""
    if isinstance(patched, property):
        parts = [
            one if one is other else either(name, one, other)
            for one, other in (
                (patched.fget, original.fget),
                (patched.fset, original.fset),
                (patched.fdel, original.fdel),
            )
        ]
        return property(*parts, doc=patched.__doc__)
    if isinstance(patched, staticmethod):
        return staticmethod(either(name, patched.__func__, original.__func__))
    if patched is None or original is None:
        raise TypeError(f"{name}: an accessor of a property was added or removed")
    if not inspect.isfunction(patched) and not inspect.isbuiltin(patched):
        raise TypeError(f"{name}: a decorator makes a {type(patched).__name__} of {patched!r}")
    group = _groups[name]
    tagged = _tagged(name, patched) if group.fallback else patched

    @functools.wraps(patched)
    def chosen(*args, **kwargs):
        scope = _scope.get()
        if scope is None:  # called from outside any entry point
            return alone(*args, **kwargs)
        return (tagged if scope[group] else original)(*args, **kwargs)

    alone = entry(_kept_kind(patched, chosen))
    return _kept_kind(patched, chosen)


def _kept_kind(like, function):
    """``function`` as the kind of function that ``like`` is, for those who ask `inspect`."""
    if inspect.iscoroutinefunction(like):

        @functools.wraps(like)
        async def coroutine(*args, **kwargs):
            return await function(*args, **kwargs)

        return coroutine
    if inspect.isgeneratorfunction(like):

        @functools.wraps(like)
        def generator(*args, **kwargs):
            return (yield from function(*args, **kwargs))

        return generator
    return function


def _tagged(name, function):
    """The patched definition; an error that leaves it carries the patch's name."""
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def coroutine(*args, **kwargs):
            with _blame(name):
                return await function(*args, **kwargs)

        return coroutine
    if inspect.isgeneratorfunction(function):

        @functools.wraps(function)
        def generator(*args, **kwargs):
            with _blame(name):
                return (yield from function(*args, **kwargs))

        return generator

    @functools.wraps(function)
    def plain(*args, **kwargs):
        try:
            return function(*args, **kwargs)
        except Exception as error:
            _tag(error, name)
            raise

    return plain


@contextlib.contextmanager
def _blame(name):
    try:
        yield
    except Exception as error:
        _tag(error, name)
        raise


def _tag(error, name):
    if getattr(error, "patcher_guard", None) is None:
        with contextlib.suppress(AttributeError):
            error.patcher_guard = name


def entry(function):
    """An entry point: all definitions below one call of it are of one kind."""
    if isinstance(function, (staticmethod, classmethod)):
        return type(function)(entry(function.__func__))
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def opened_coroutine(*args, **kwargs):
            if _scope.get() is not None:
                return await function(*args, **kwargs)
            call = _Call(args, kwargs)
            try:
                with call:
                    return await function(*args, **kwargs)
            except Exception as error:
                if not call.may_fall_back(error):
                    raise
            with call:
                return await function(*args, **kwargs)

        return opened_coroutine
    if inspect.isgeneratorfunction(function):

        @functools.wraps(function)
        def opened_generator(*args, **kwargs):
            if _scope.get() is not None:
                return (yield from function(*args, **kwargs))
            call = _Call(args, kwargs)
            return (yield from _drive(call, lambda: function(*args, **kwargs)))

        return opened_generator

    @functools.wraps(function)
    def opened(*args, **kwargs):
        if _scope.get() is not None:
            return function(*args, **kwargs)
        call, again = _Call(args, kwargs), False
        token = _scope.set(call.scope)
        try:
            result = function(*args, **kwargs)
        except Exception as error:
            again = call.may_fall_back(error)
            if not again:
                raise
        finally:
            _scope.reset(token)
        if again:
            with call:
                result = function(*args, **kwargs)
        if type(result) is types.GeneratorType:  # runs after this call: under the same scope
            return _drive(call, lambda: result, restart=False)
        return _awaited(call, result) if type(result) is types.CoroutineType else result

    return opened


async def _awaited(call, result):
    with call:
        return await result


def _drive(call, make, restart=True):
    """Run a generator, each of its steps in the call's scope.

    It falls back only before its first value: what a consumer has taken cannot be taken back.
    """
    generator = make()
    step, taken = functools.partial(next, generator), False
    while True:
        try:
            with call:
                value = step()
        except StopIteration as stop:
            return stop.value
        except Exception as error:
            if not call.may_fall_back(error, begun=taken or not restart):
                raise
            generator = make()
            step = functools.partial(next, generator)
            continue
        try:
            sent = yield value
        except GeneratorExit:
            with call:
                generator.close()
            raise
        except BaseException as thrown:
            step = functools.partial(generator.throw, thrown)
        else:
            step = functools.partial(generator.send, sent)
        taken = True


class _Call:
    """One call of an entry point: its scope, and what is needed to do it again."""

    __slots__ = ("arguments", "bound", "drawing", "random", "scope", "token")

    def __init__(self, args, kwargs):
        self.scope = scope = {}
        self.random = None
        for each in _distinct:
            on = each.switched
            if on is None:
                on = _share.random() * 100 < each.rollout
            if on and each.failed is None:
                scope[each] = True
                each.patched += 1
                if each.fallback and self.random is None:
                    self._keep((*args, *kwargs.values()) if kwargs else args)
            else:
                scope[each] = False
                each.original += 1

    def _keep(self, values):
        """What the originals need to start from where this call starts."""
        if len(sys.modules) != _keepers.modules:
            _keepers.look()
        self.random = state = []
        for keep in _keepers.all:
            state.append(keep())
        self.arguments, self.drawing, self.bound = [], [], []
        for value in values:
            watched, draws, binds = _ways(type(value))
            if watched:
                self.arguments.append((value, _snapshot(value)))
            if draws:
                self.drawing.append(_random_argument(value))
            if binds and type(attributes := value.__dict__) is dict:
                self.bound.append((attributes, attributes.copy()))

    def __enter__(self):
        self.token = _scope.set(self.scope)

    def __exit__(self, *exception):
        _scope.reset(self.token)

    def may_fall_back(self, error, begun=False):
        """After an error: whether the originals shall do this call; all is put back for them.

        ``begun``: a consumer has taken values of this call already.
        """
        name = getattr(error, "patcher_guard", None)
        failed = _groups.get(name)
        if self.random is None or failed is None or not failed.fallback:
            return False
        first = failed.failed is None
        failed.failed = error
        self.scope[failed] = False
        spoilt = [value for value, before in self.arguments if _is_changed(value, before)]
        if first:
            log.error("patch %s failed and is off for this process", name, exc_info=error)
        if spoilt or begun:
            kinds = ", ".join(sorted({type(value).__name__ for value in spoilt}))
            why = f"it consumed or changed {kinds}" if spoilt else "some of it was taken already"
            log.error("patch %s: this call is not repeated: %s", name, why)
            return False
        failed.fallbacks += 1
        for put_back, state in self.random:
            put_back(state)
        for put_back in self.drawing:
            put_back()
        for attributes, before in self.bound:
            for name in attributes.keys() - before.keys():
                del attributes[name]
            attributes.update(before)
        return True


def _bytes_at(address):
    """A Mersenne Twister where it lies in memory, 624 words and the place in them.

    Copied as bytes it takes a hundredth of what Python's integers take.
    """
    return (ctypes.c_char * 2500).from_address(address)


def _python_keeper():
    """What reads the state of Python's shared generator, as a pair: what puts it back, and it."""
    shared, head = random.getstate.__self__, object.__basicsize__

    def put(state):
        place, *words = struct.unpack("=625I", state[0])
        random.setstate((3, (*words, place), state[1]))

    def keep():
        return put, (view.raw, shared.gauss_next)

    room = type(shared).__basicsize__ >= head + 2500
    if ctypes is not None and sys.implementation.name == "cpython" and room:
        view = _bytes_at(id(shared) + head)
        place, *words = struct.unpack("=625I", view.raw)
        if (*words, place) == random.getstate()[1]:
            return keep
    return lambda: (random.setstate, random.getstate())


def _numpy_keeper(numpy):
    """The same of NumPy's. It is read in full, which takes long, when it was drawn from since."""
    shared = numpy.get_state.__self__
    source = view = raw = state = None

    def keep():
        nonlocal source, view, raw, state
        if shared._bit_generator is not source:
            source, raw = shared._bit_generator, None
            known = ctypes is not None and type(source).__name__ == "MT19937"
            view = _bytes_at(source.ctypes.state_address) if known else None
        now = None if view is None else view.raw
        # A normal number that is held ready leaves no trace in the bytes when it is taken.
        if now is None or now != raw or state["has_gauss"]:
            raw, state = now, numpy.get_state(legacy=False)
        return numpy.set_state, state

    return keep


def _torch_keeper(torch):
    """The same of torch's: the CPU's and each CUDA device's."""
    cuda, get, put = (
        torch.cuda,
        torch.default_generator.get_state,
        torch.default_generator.set_state,
    )

    def put_all(states):
        put(states[0])
        for device, state in states[1:]:
            device.set_state(state)

    def keep():
        devices = cuda.default_generators  # empty until CUDA is used
        if not devices:
            return put, get()
        return put_all, [get(), *((device, device.get_state()) for device in devices)]

    return keep


class _Keepers:
    """The keepers of the modules that are loaded; ``modules``: how many were at the last look."""

    def __init__(self):
        self.all = [_python_keeper()]
        self.later = {"numpy.random": _numpy_keeper, "torch": _torch_keeper}
        self.modules = 0

    def look(self):
        self.modules = len(sys.modules)
        for name in [name for name in self.later if name in sys.modules]:
            with contextlib.suppress(AttributeError):  # it is being imported just now
                self.all.append(self.later[name](sys.modules[name]))
                self.later.pop(name, None)


_keepers = _Keepers()


@functools.lru_cache(512)
def _ways(kind):
    """What can be told of values of a type: whether one was consumed or changed in place,
    whether random numbers are drawn from it, and what attributes it has."""
    held = (dict, list, tuple, set, bytearray, collections.deque)
    watched = issubclass(kind, held) or hasattr(kind, "__next__") or hasattr(kind, "_version")
    watched = watched or (hasattr(kind, "tobytes") and hasattr(kind, "nbytes"))
    modules = {base.__module__.partition(".")[0] for base in kind.__mro__}
    draws = not modules.isdisjoint(("random", "_random", "numpy", "torch")) and any(
        hasattr(kind, mark) for mark in ("setstate", "set_state", "bit_generator")
    )
    binds = kind.__dictoffset__ and not issubclass(kind, (type, types.ModuleType))
    return watched, draws, bool(binds)


def _random_argument(value):
    """What puts back an argument that random numbers are drawn from."""
    for get, put in (("getstate", "setstate"), ("get_state", "set_state")):
        if hasattr(value, get) and hasattr(value, put):
            return functools.partial(getattr(value, put), getattr(value, get)())
    bits = value.bit_generator
    return functools.partial(setattr, bits, "state", bits.state)


_ITERATOR = object()


def _snapshot(value, depth=3):
    """What tells later whether an argument, or what it holds, was changed in place."""
    if isinstance(value, (dict, list, tuple)):
        if not depth:
            return None
        held = list(value.values() if isinstance(value, dict) else value)
        keys = list(value) if isinstance(value, dict) else None
        return keys, [(each, _snapshot(each, depth - 1)) for each in held]
    if isinstance(value, (set, bytearray, collections.deque)):
        return type(value)(value)
    if hasattr(value, "__next__"):
        return _ITERATOR
    version = _version(value)
    if version is not None:
        return version
    if getattr(value, "is_inference", None) is not None and value.is_inference():
        return value.clone()
    if hasattr(value, "tobytes") and hasattr(value, "nbytes"):
        return value.tobytes()
    return None


def _version(value):
    """How often a torch tensor was changed in place; None for all else, and where none is kept."""
    try:
        version = value._version
    except (AttributeError, RuntimeError):  # a tensor made in inference mode keeps none
        return None
    return version if isinstance(version, int) else None


def _is_changed(value, before):
    if before is _ITERATOR or before is None:
        return before is _ITERATOR
    if isinstance(value, (dict, list, tuple)):
        keys, held = before
        now = list(value.values() if isinstance(value, dict) else value)
        if len(now) != len(held) or (keys is not None and keys != list(value)):
            return True
        return any(
            each is not kept or _is_changed(kept, old) for each, (kept, old) in zip(now, held)
        )
    if isinstance(value, (set, bytearray, collections.deque)):
        return value != before
    if _version(value) is not None:
        return _version(value) != before
    if hasattr(value, "is_inference"):
        return not sys.modules["torch"].equal(value, before)
    return value.tobytes() != before
