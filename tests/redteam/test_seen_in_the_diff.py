"""Means to fool a judge that the look at a patch's diff sees, so that nothing of them is run.

A name says the kind before its colon. Each goes to the top of the module, or into a function there.
"""

from __future__ import annotations

import pytest

from patcher.patchfile.model import Declaration
from tests.redteam.frame import Trick, top, undeclared

SEEN = {
    "clock: sleep does nothing": "import time\ntime.sleep = lambda s: None",
    "clock: by the module's own setter": "import time\ntime.__setattr__('monotonic', float)",
    "clock: by the setter of all objects": "import time\nobject.__setattr__(time, 'time', float)",
    "clock: in a loop over modules": "import time\nfor m in [time]:\n    m.perf_counter = float",
    "clock: by a function that is given it": "import time\ndef f(m):\n    m.time = 1\nf(time)",
    "clock: the namespace updated": "import time\ntime.__dict__.update(time=float)",
    "which run: the time of day": "import time\ntime.time()",
    "which run: the date": "from datetime import datetime\ndatetime.now()",
    "which run: how long it has run": "import time\ntime.process_time()",
    "which run: luck": "import os\nos.urandom(1)[0] > 250",
    "which run: luck, by the library": "import random\nrandom.SystemRandom().random()",
    "which run: how busy the machine is": "import os\nos.getloadavg()",
    "which run: processors it may use": "import os\nos.sched_getaffinity(0)",
    "which run: the machine's name": "import platform\nplatform.node()",
    "which run: the judge's source": "import inspect\ninspect.getsource(print)",
    "worker: another json": "import json\njson.dumps = lambda *a, **k: '{}'",
    "worker: another os.write": "import os\nos.write = lambda *a: 0",
    "worker: another array": "import array\narray.array = list",
    "worker: another struct": "import struct\nstruct.pack = lambda *a: b''",
    "worker: another hash": "import hashlib\nhashlib.sha256 = None",
    "worker: another built-in": "import builtins\nbuiltins.len = lambda x: 0",
    "worker: built-ins by their namespace": "__builtins__['len'] = lambda x: 0",
    "worker: modules by another way": "import sys, operator\noperator.attrgetter('modules')(sys)",
    "worker: another function's code": "f = lambda: 0\nf.__code__ = (lambda: 1).__code__",
    "worker: line events": "import sys\nsys.monitoring.use_tool_id(5, 'x')",
    "worker: the tracer ended": "import sys\nsys.settrace(None)",
    "worker: audit hook": "import sys\nsys.addaudithook(print)",
    "worker: crashes not told": "import faulthandler\nfaulthandler.disable()",
    "worker: a debugger": "import bdb\nbdb.Bdb().set_trace()",
    "worker: the loader's way in": "__loader__.get_code('hum')",
    "worker: low-level memory": "import _ctypes",
    "worker: the signal module below": "import _signal",
    "protocol: a descriptor written": "import os\nos.pwrite(3, b'{}', 0)",
    "protocol: several buffers written": "import os\nos.writev(3, [b'{}'])",
    "protocol: the pipe doubled": "import os\nos.dup2(1, 3)",
    "protocol: the pipe closed": "import os\nos.closerange(3, 99)",
    "protocol: the request read": "import os\nos.read(0, 1 << 20)",
    "protocol: /proc/self/fd opened": "import pathlib\npathlib.Path('/proc/self/fd/3').open('wb')",
    "protocol: /proc/self/fd listed": "import os\nos.listdir('/proc/self/fd')",
    "protocol: answers on standard output": "import sys\nsys.stdout.write('{}')",
    "protocol: the stream below": "import sys\nsys.__stdout__.buffer.write(b'{}')",
    "protocol: by the module below": "import posix\nposix.write(3, b'')",
    "comparison: how it is pickled": "class A(list):\n    def __reduce__(self): return list, ()",
    "comparison: the same, by protocol": "class A:\n    def __reduce_ex__(self, p): return 'A'",
    "comparison: its state": "class A:\n    def __getstate__(self): return {}",
    "comparison: a pickler registered": "import copyreg\ncopyreg.pickle(list, print)",
    "comparison: the table of picklers": "import copyreg\ncopyreg.dispatch_table[list] = print",
    "comparison: poses as another class": "class A:\n    __class__ = list",
    "comparison: poses by a property": "class A:\n    @property\n    def __class__(self): pass",
    "comparison: under another's name": "class A:\n    __qualname__ = 'list'",
    "comparison: renamed later": "class A: pass\nA.__module__ = 'builtins'",
    "comparison: a tensor's operators": "class A:\n    def __torch_function__(self, *a): pass",
    "comparison: an array on demand": "class A:\n    def __array__(self): return []",
    "comparison: every attribute": "class A:\n    def __getattribute__(self, n): return 0",
    "globals: warnings": "import warnings\nwarnings.simplefilter('ignore')",
    "globals: locale": "import locale\nlocale.setlocale(locale.LC_ALL, 'C')",
    "globals: decimals": "import decimal\ndecimal.getcontext().prec = 3",
    "globals: logging": "import logging\nlogging.disable(50)",
    "globals: codecs": "import codecs\ncodecs.register_error('strict', print)",
    "globals: the folder": "import os\nos.chdir('/')",
    "globals: limits": "import resource\nresource.setrlimit(resource.RLIMIT_CPU, (1, 1))",
    "globals: hooks of every layer": "from torch.nn.modules.module import "
    "register_module_forward_hook as r\nr(print)",
    "globals: how numbers are printed": "import numpy\nnumpy.set_printoptions(precision=1)",
    "globals: the shared generator": "import random\nrandom._inst.seed(3)",
    "code: from a pickle": "import pickle\npickle.loads(b'')",
    "code: from a file": "import runpy\nrunpy.run_path('x')",
    "code: from an archive": "import zipimport\nzipimport.zipimporter('x')",
    "code: by a loader": "from importlib.machinery import SourceFileLoader as L\nL('a', 'b')",
    "kept: in a class, by type": "class C:\n    def f(self, x): type(self).kept = x",
    "kept: in a class, by its object": "class C:\n    def f(self, x): self.__class__.kept = x",
    "kept: in a function": "def f(x):\n    f.kept = x",
    "kept: in a closure": "def mk():\n    k = {}\n    def f(x):\n        k[x] = x\n"
    "        return k\n    return f",
    "kept: in a context": "import contextvars\nV = contextvars.ContextVar('v')",
    "kept: a count of calls": "import itertools\nN = itertools.count()\ndef f(): return next(N)",
    "kept: in an object of the module": "class B: pass\nb = B()\ndef f(x):\n    b.kept = x",
    "process: at a fork": "import os\nos.register_at_fork(before=print)",
    "process: a finalizer": "import weakref\nweakref.finalize(set(), print)",
    "process: work at its end": "class A:\n    def __del__(self): pass",
    "process: a thread pool": "from multiprocessing.pool import ThreadPool",
    "files: a descriptor in memory": "import os\nos.memfd_create('x')",
    "files: a lock between processes": "import fcntl\nfcntl.flock(3, 1)",
    "files: a log": "import logging\nlogging.FileHandler('x')",
    "files: touched": "import os\nos.utime('x')",
    "globals: how often threads take turns": "import sys\nsys.setswitchinterval(1e-6)",
    "globals: tiny numbers flushed to zero": "import torch\ntorch.set_flush_denormal(True)",
    "globals: a flag of a backend": "import torch\ntorch.backends.cudnn.benchmark = True",
    "globals: a flag of a backend, by its setter": "import torch\n"
    "torch.backends.mkldnn.set_flags(False)",
    "globals: a context of a backend entered": "import torch\n"
    "torch.backends.mkldnn.flags(enabled=False).__enter__()",
    "globals: gradients": "import torch\ntorch.set_grad_enabled(False)",
    "globals: inference mode entered": "import torch\ntorch.inference_mode().__enter__()",
    "globals: numpy's errors": "import numpy\nnumpy.seterr(all='ignore')",
    "globals: the collector's generations": "import gc\ngc.freeze()",
    "globals: where modules are looked for": "import sys\nsys.path.insert(0, 'x')",
    "globals: a module put in": "import sys\nsys.modules['json'] = None",
    "globals: lines of source": "import linecache\nlinecache.cache.clear()",
    "globals: priority": "import os\nos.nice(5)",
    "globals: digits of integers": "import sys\nsys.set_int_max_str_digits(0)",
    "comparison: a tensor's way to numpy": "import torch\ntorch.Tensor.numpy = lambda s: None",
    "comparison: a tensor's equality": "import torch\ntorch.Tensor.__eq__ = lambda s, o: True",
    "comparison: the same by setattr": "import torch\nsetattr(torch.Tensor, 'tolist', print)",
    "comparison: how things are copied": "import copy\ncopy.deepcopy = lambda x, m=None: x",
    "comparison: its copy": "class A:\n    def __deepcopy__(self, memo): return 0",
    "comparison: its shallow copy": "class A:\n    def __copy__(self): return 0",
    "comparison: an answer's class made at once": "A = type('A', (list,), {"
    "'__reduce__': lambda s: (list, ())})",
    "comparison: pickled as set later": "class A(list): pass\nA.__reduce__ = lambda s: (list, ())",
    "comparison: instance checks": "class M(type):\n    def __instancecheck__(cls, x): return True",
    "comparison: buffers on demand": "class A:\n    def __buffer__(self, f): return 0",
    "comparison: dataclass fields": "class A:\n    __dataclass_fields__ = {}",
    "worker: what is done with errors": "import sys\nsys.excepthook = print",
    "worker: the import itself": "import builtins\nbuiltins.__import__ = print",
    "worker: a frame by an error": "def f():\n    try:\n        1 / 0\n"
    "    except ZeroDivisionError as e:\n        return e.__traceback__.tb_frame.f_back",
    "worker: all classes by mro": "().__class__.__mro__[1].__subclasses__()",
    "clock: the date's class": "import datetime\ndatetime.datetime = None",
    "clock: timeit": "import timeit\ntimeit.default_timer()",
    "clock: an event's time": "import torch\ntorch.cuda.Event.elapsed_time = lambda *a: 0",
    "process: an executor of a loop": "import asyncio\n"
    "asyncio.get_event_loop().run_in_executor(None, print)",
    "process: a callback when it dies": "import weakref\nweakref.ref(set(), print)",
    "process: a callback of the collector": "import gc\ngc.callbacks.append(print)",
    "process: a data loader": "from torch.utils.data import DataLoader\n"
    "DataLoader([], num_workers=2)",
    "process: forked by jit": "import torch\ntorch.jit.fork(print)",
    "process: a subinterpreter": "import _xxsubinterpreters",
    "kept: by a generator": "def g():\n    k = None\n    while True:\n        k = yield k\n"
    "G = g()\ndef f(x): return G.send(x)",
    "kept: on a tensor": "import torch\nT = torch.zeros(1)\ndef f(x):\n    T.kept = x",
    "files: archives": "import zipfile\nzipfile.ZipFile('x', 'w')",
    "files: xattr": "import os\nos.setxattr('x', 'user.k', b'')",
    "files: csv by pandas": "import pandas\npandas.DataFrame().to_csv('x')",
    "files: shared memory": "from multiprocessing.shared_memory import SharedMemory\n"
    "SharedMemory('x', True, 9)",
    "code: an extension built": "from torch.utils import cpp_extension",
    "code: a library loaded": "import torch\ntorch.ops.load_library('x')",
    "which run: a trace": "import sys\nsys.gettrace()",
    "which run: deterministic": "import torch\ntorch.are_deterministic_algorithms_enabled()",
    "which run: gc count": "import gc\ngc.get_count()",
    "which run: sizes of pools": "import sys\nsys._debugmallocstats()",
}


@pytest.mark.parametrize("name", SEEN)
def test_it_is_seen_before_anything_runs(name: str) -> None:
    assert undeclared(Trick((top(SEEN[name]),)))


@pytest.mark.parametrize("name", SEEN)
def test_a_declaration_covers_it(name: str) -> None:
    """Whatever is seen can be said: a patch may do it, and its reader is told."""
    assert not undeclared(Trick((top(SEEN[name]),), declares=tuple(Declaration)))
