"""Which names do something beside computing, and what a patch has to declare to use them."""

from __future__ import annotations

from collections.abc import Sequence

from patcher.patchfile.model import Declaration

CACHES = frozenset({Declaration.CACHE_WEIGHTS, Declaration.CACHE_ANSWERS})
GLOBALS = frozenset({Declaration.GLOBALS})
NOTHING: frozenset[Declaration] = frozenset()


def _names(*groups: str) -> frozenset[str]:
    return frozenset(name for group in groups for name in group.split())


# A name covers what is below it: `threading` is also `threading.Thread`.
USES: Sequence[tuple[frozenset[str], str, frozenset[Declaration]]] = (
    (
        _names(
            "threading _thread concurrent.futures multiprocessing torch.multiprocessing asyncio",
            "subprocess pty os.fork os.forkpty os.system os.popen os.posix_spawn os.posix_spawnp",
            "os.execl os.execle os.execlp os.execv os.execve os.execvp os.execvpe os.spawnl",
            "os.spawnle os.spawnv os.spawnve os.startfile joblib.Parallel",
        ),
        "starts threads or processes",
        frozenset({Declaration.THREADS}),
    ),
    (
        _names(
            "builtins.open io.open io.FileIO codecs.open os.open os.write os.fdopen os.remove",
            "os.unlink os.rename os.replace os.mkdir os.makedirs os.rmdir os.removedirs os.link",
            "os.symlink os.truncate os.mkfifo os.listdir os.scandir os.walk glob tempfile shutil",
            "sqlite3 shelve dbm mmap pickle.dump pickle.load torch.save torch.load numpy.save",
            "numpy.load numpy.savez numpy.savetxt numpy.loadtxt numpy.memmap numpy.fromfile",
            "marshal.dump marshal.load json.dump json.load joblib.Memory joblib.dump joblib.load",
            "diskcache fileinput linecache importlib.resources pkgutil.get_data",
        ),
        "reads or writes files",
        frozenset({Declaration.FILES}),
    ),
    (
        _names(
            "os.environ os.environb os.getenv os.putenv os.unsetenv sys.argv sys.orig_argv",
            "os.getpid os.getppid os.getpgid os.getsid os.getcwd os.times resource psutil getpass",
            "socket ssl http.client urllib.request requests httpx aiohttp ftplib smtplib",
        ),
        "asks where and how it is run",
        frozenset({Declaration.ENVIRONMENT}),
    ),
    (
        _names(
            "torch.set_num_threads torch.set_num_interop_threads os.sched_setaffinity",
            "os.setpriority os.nice",
        ),
        "sets the threads of the whole process",
        frozenset({Declaration.GLOBALS, Declaration.THREADS}),
    ),
    (
        _names(
            "torch.set_default_dtype torch.set_default_device torch.set_default_tensor_type",
            "torch.use_deterministic_algorithms torch.set_float32_matmul_precision",
            "torch.set_flush_denormal torch.set_deterministic_debug_mode numpy.seterr",
            "torch.autograd.set_detect_anomaly",
        ),
        "sets a default of the whole process",
        GLOBALS,
    ),
    (
        _names(
            "random.seed random.setstate numpy.random.seed numpy.random.set_state",
            "torch.manual_seed torch.seed torch.set_rng_state torch.random torch.cuda.manual_seed",
            "torch.cuda.manual_seed_all torch.cuda.seed torch.cuda.seed_all",
            "torch.cuda.set_rng_state torch.default_generator",
        ),
        "seeds the random numbers of the whole process",
        GLOBALS,
    ),
    (
        _names(
            "gc.disable gc.enable gc.freeze gc.set_threshold gc.callbacks gc.get_objects",
            "gc.get_referrers gc.get_referents gc.set_debug",
            "inspect.currentframe inspect.stack inspect.trace inspect.getouterframes",
            "inspect.getinnerframes inspect.getframeinfo traceback.extract_stack",
            "traceback.walk_stack traceback.format_stack sys._getframe sys._current_frames",
            "sys._getframemodulename sys.exc_info ctypes cffi sys.modules __main__ sys.path",
            "sys.meta_path sys.path_hooks sys.path_importer_cache sys.settrace sys.setprofile",
            "sys.monitoring sys.addaudithook sys.setswitchinterval sys.setrecursionlimit",
            "sys.excepthook sys.unraisablehook sys.displayhook sys.breakpointhook",
            "threading.settrace threading.setprofile atexit signal weakref.finalize faulthandler",
            "os._exit os.kill os.killpg os.abort sys.exit site importlib.reload",
            "importlib.invalidate_caches unittest.mock builtins.exit builtins.quit",
            "builtins.breakpoint torch.overrides torch.utils._python_dispatch torch.library",
        ),
        "changes or looks at the whole process",
        GLOBALS,
    ),
    (
        _names("builtins.eval builtins.exec builtins.compile marshal.loads types.CodeType"),
        "makes code while it runs, which cannot be looked at",
        GLOBALS,
    ),
    (
        _names("functools.lru_cache functools.cache functools.cached_property cachetools"),
        "keeps results between calls",
        CACHES,
    ),
    (_names("patcher"), "uses patcher itself", NOTHING),
)
# Locks start nothing.
HARMLESS = _names("threading.Lock threading.RLock threading.local threading.get_ident")
# Names that reach into frames and functions, on whatever object.
REACHING = _names(
    "f_back f_locals f_globals f_code tb_frame gi_frame cr_frame __globals__ __builtins__",
    "__closure__ __subclasses__",
)
FILE_METHODS = _names("write_text write_bytes read_text read_bytes unlink touch tofile")
CHANGING = _names(
    "append appendleft add extend insert update setdefault pop popleft popitem clear remove",
    "discard move_to_end __setitem__ __delitem__",
)
MUTABLE_MAKERS = _names(
    "dict list set bytearray OrderedDict defaultdict deque Counter WeakKeyDictionary",
    "WeakValueDictionary",
)
