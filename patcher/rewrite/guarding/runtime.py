"""Which definition runs, the patched one or the original: chosen for each call of an entry point.

patcher wrote this file; it needs the standard library alone. Environment, read once a process:

    PATCHER_DISABLE=name,name    these patches are off ("all": every one)
    PATCHER_ENABLE=name,name     these are on, whatever share of the calls they are rolled out to
    PATCHER_FALLBACK=off         an error in patched code is raised, even where a fallback is set

In process: `enable`, `disable`, `use` and `counters`. Events are logged under ``patcher.guard``.
Patches that change the same function are one group: they are switched together.
"""

import contextlib
import contextvars
import functools
import inspect
import logging
import os
import random
import sys
import types

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
        self.switched = None
        if _listed("PATCHER_DISABLE", names):
            self.switched = False
        elif _listed("PATCHER_ENABLE", names):
            self.switched = True
        self.failed = None
        self.patched = self.original = self.fallbacks = 0

    def is_on(self):
        """Decide for one call."""
        if self.failed is not None:
            return False
        if self.switched is not None:
            return self.switched
        return self.rollout >= 100 or _share.random() * 100 < self.rollout


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


def _open():
    """Decide every group for one call of an entry point."""
    scope = {}
    for each in _distinct:
        on = each.is_on()
        if on:
            each.patched += 1
        else:
            each.original += 1
        for name in each.names:
            scope[name] = on
    return scope


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
    tagged = _tagged(name, patched) if _groups[name].fallback else patched

    @functools.wraps(patched)
    def chosen(*args, **kwargs):
        scope = _scope.get()
        if scope is None:  # called from outside any entry point
            return alone(*args, **kwargs)
        return (tagged if scope[name] else original)(*args, **kwargs)

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
        if any_fallback:
            call = _Call(args, kwargs)
            result = _with_fallback(call, function, args, kwargs)
        else:
            call = _open()
            token = _scope.set(call)
            try:
                result = function(*args, **kwargs)
            finally:
                _scope.reset(token)
        if type(result) is types.GeneratorType:  # runs after this call: under the same scope
            call = call if any_fallback else _Call((), {}, scope=call)
            return _drive(call, lambda: result, restart=False)
        return result

    any_fallback = any(each.fallback for each in _distinct)
    return opened


def _with_fallback(call, function, args, kwargs):
    try:
        with call:
            return function(*args, **kwargs)
    except Exception as error:
        if not call.may_fall_back(error):
            raise
    with call:
        return function(*args, **kwargs)


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

    def __init__(self, args, kwargs, scope=None):
        self.scope = _open() if scope is None else scope
        self.again = any(on and _groups[name].fallback for name, on in self.scope.items())
        if self.again:
            self.random = _random_state()
            values = [*args, *kwargs.values()]
            self.drawing = [put for put in map(_random_argument, values) if put is not None]
            self.arguments = [(value, _snapshot(value)) for value in values]

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
        if not self.again or failed is None or not failed.fallback:
            return False
        first = failed.failed is None
        failed.failed = error
        self.scope.update(dict.fromkeys(failed.names, False))
        spoilt = [value for value, before in self.arguments if _is_changed(value, before)]
        if first:
            log.error("patch %s failed and is off for this process", name, exc_info=error)
        if spoilt or begun:
            kinds = ", ".join(sorted({type(value).__name__ for value in spoilt}))
            why = f"it consumed or changed {kinds}" if spoilt else "some of it was taken already"
            log.error("patch %s: this call is not repeated: %s", name, why)
            return False
        failed.fallbacks += 1
        _restore_random(self.random)
        for put_back in self.drawing:
            put_back()
        return True


def _random_state():
    """The state of every random generator that is loaded."""
    state = {"random": random.getstate()}
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    if numpy is not None and hasattr(numpy, "random"):
        state["numpy"] = numpy.random.get_state()
    if torch is not None and hasattr(torch, "get_rng_state"):
        state["torch"] = torch.get_rng_state()
        if torch.cuda.is_initialized():
            state["cuda"] = torch.cuda.get_rng_state_all()
    return state


def _restore_random(state):
    random.setstate(state["random"])
    if "numpy" in state:
        sys.modules["numpy"].random.set_state(state["numpy"])
    if "torch" in state:
        sys.modules["torch"].set_rng_state(state["torch"])
    if "cuda" in state:
        sys.modules["torch"].cuda.set_rng_state_all(state["cuda"])


def _random_argument(value):
    """What puts back an argument that random numbers are drawn from; None for all else."""
    if type(value).__module__.partition(".")[0] not in ("random", "numpy", "torch"):
        return None
    for get, put in (("getstate", "setstate"), ("get_state", "set_state")):
        if hasattr(value, get) and hasattr(value, put):
            return functools.partial(getattr(value, put), getattr(value, get)())
    bits = getattr(value, "bit_generator", None)
    return None if bits is None else functools.partial(setattr, bits, "state", bits.state)


_ITERATOR = object()


def _snapshot(value, depth=3):
    """What tells later whether an argument, or what it holds, was changed in place."""
    if isinstance(value, (dict, list, tuple)):
        if not depth:
            return None
        held = list(value.values() if isinstance(value, dict) else value)
        keys = list(value) if isinstance(value, dict) else None
        return keys, [(each, _snapshot(each, depth - 1)) for each in held]
    if isinstance(value, (set, bytearray)):
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
    if isinstance(value, (set, bytearray)):
        return value != before
    if _version(value) is not None:
        return _version(value) != before
    if hasattr(value, "is_inference"):
        return not sys.modules["torch"].equal(value, before)
    return value.tobytes() != before
