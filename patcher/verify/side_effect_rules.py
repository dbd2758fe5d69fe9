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
            "torch.jit.fork torch.jit._fork torch.utils.data.DataLoader _xxsubinterpreters",
            "_interpreters concurrent.interpreters",
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
            "io.open_code os.read os.pread os.readv os.preadv os.pwrite os.writev os.pwritev",
            "os.sendfile os.copy_file_range os.dup os.dup2 os.close os.closerange os.pipe os.pipe2",
            "os.memfd_create os.mknod os.utime os.chmod os.chown os.fwalk",
            "sys.stdin sys.stdout sys.stderr sys.__stdin__",
            "sys.__stdout__ sys.__stderr__ builtins.input logging.FileHandler logging.handlers",
            "fcntl termios tty syslog _io posix zipfile.ZipFile tarfile.open tarfile.TarFile",
            "os.setxattr os.getxattr os.listxattr os.removexattr",
        ),
        "reads or writes files",
        frozenset({Declaration.FILES}),
    ),
    (
        _names(
            "os.environ os.environb os.getenv os.putenv os.unsetenv sys.argv sys.orig_argv",
            "os.getpid os.getppid os.getpgid os.getsid os.getcwd os.times resource psutil getpass",
            "time.time time.time_ns time.monotonic time.monotonic_ns time.perf_counter",
            "time.perf_counter_ns time.process_time time.process_time_ns time.thread_time",
            "time.thread_time_ns time.clock_gettime time.clock_gettime_ns time.localtime",
            "time.gmtime time.ctime time.strftime datetime.datetime.now datetime.datetime.today",
            "datetime.datetime.utcnow datetime.date.today os.urandom os.getrandom secrets",
            "uuid.uuid1 uuid.uuid4 random.SystemRandom platform sysconfig os.uname os.getloadavg",
            "os.cpu_count os.process_cpu_count os.sched_getaffinity",
            "sys.flags os.getuid os.getlogin select selectors",
            "socketserver _socket timeit torch.are_deterministic_algorithms_enabled",
            "torch.get_deterministic_debug_mode",
            "torch.is_deterministic_algorithms_warn_only_enabled",
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
            "torch.autograd.set_detect_anomaly torch.set_printoptions numpy.set_printoptions",
            "warnings.simplefilter warnings.filterwarnings warnings.resetwarnings warnings.filters",
            "warnings.showwarning locale.setlocale decimal.setcontext decimal.getcontext",
            "logging.disable logging.basicConfig copyreg codecs.register codecs.register_error",
            "os.umask os.chdir os.fchdir os.chroot os.register_at_fork sys.set_int_max_str_digits",
            "torch.nn.modules.module.register_module_forward_hook",
            "torch.nn.modules.module.register_module_forward_pre_hook",
            "torch.nn.modules.module.register_module_full_backward_hook",
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
            "random._inst",
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
            "_ctypes _signal _imp _testcapi _posixsubprocess tracemalloc cProfile profile bdb pdb",
            "inspect.getsource inspect.getsourcelines inspect.getfile dis sys.call_tracing",
            "sys.set_asyncgen_hooks sys.set_coroutine_origin_tracking_depth sys.setdlopenflags",
            "sys.getrefcount sys.gettrace sys.getprofile gc.get_count gc.get_stats gc.isenabled",
            "gc.get_threshold gc.get_freeze_count sys._clear_type_cache sys._debugmallocstats",
        ),
        "changes or looks at the whole process",
        GLOBALS,
    ),
    (
        _names(
            "builtins.eval builtins.exec builtins.compile marshal.loads types.CodeType",
            "pickle.loads pickle.Unpickler _pickle runpy code codeop zipimport imp importlib.util",
            "importlib.machinery torch.utils.cpp_extension torch.ops.load_library",
        ),
        "makes code while it runs, which cannot be looked at",
        GLOBALS,
    ),
    (
        _names(
            "functools.lru_cache functools.cache functools.cached_property cachetools contextvars"
        ),
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
    "__closure__ __subclasses__ __code__ __defaults__ __kwdefaults__ __loader__ __spec__",
)
# How an answer shows itself to whoever stores or compares it.
POSING = _names(
    "__reduce__ __reduce_ex__ __getstate__ __getnewargs__ __getnewargs_ex__ __class__",
    "__getattribute__ __torch_function__ __torch_dispatch__ __array__ __array_interface__",
    "__array_finalize__ __array_ufunc__ __array_function__ __qualname__ __module__ __del__",
    "__buffer__ __dataclass_fields__ __instancecheck__ __subclasscheck__ __copy__ __deepcopy__",
)
# Modules that a patch may use by name, and not hand on under another.
GUARDED = _names("os sys time gc builtins inspect random json importlib struct array hashlib")
FILE_METHODS = _names(
    "open mkdir rmdir iterdir write_text write_bytes read_text read_bytes unlink touch tofile",
    "to_csv to_pickle to_parquet to_feather to_hdf",
)
CHANGING = _names(
    "append appendleft add extend insert update setdefault pop popleft popitem clear remove",
    "discard move_to_end __setitem__ __delitem__ send",
)
MUTABLE_MAKERS = _names(
    "dict list set bytearray OrderedDict defaultdict deque Counter WeakKeyDictionary",
    "WeakValueDictionary",
)
