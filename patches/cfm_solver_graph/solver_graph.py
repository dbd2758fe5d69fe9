"""Steps of the CFM solver in shapes that do not change: a GPU replays them as one graph.

An utterance is padded to a bucket's number of frames, and what is padded is masked. Buffers and
recorded graphs are kept for later utterances of the same bucket, not for two at a time.
"""

import weakref

import torch

BUCKET = 128  # frames
KEPT = 8  # buckets kept for a solver, those used last
WARM_UPS = 2
KNOWN = (
    "torch",
    "diffusers",
    __name__.partition(".")[0],
)  # packages of modules that stay as they are

_kept = weakref.WeakKeyDictionary()  # by solver: a model can still be copied and saved


def static_estimate(solver, like):
    """What the solver calls at every step: the estimator, as a graph where a device can replay one.

    Args:
        like: the solver's state (2B, 80, T), for its shape, type and device.
    """
    estimator, record = solver.estimator, recorder(like.device)
    if record is None or not torch.is_inference_mode_enabled() or not is_plain(estimator):
        return estimator.forward
    return Replays(solver, like, record)


def is_plain(estimator):
    """Whether nothing in it may do another thing at the next call: no hook, no adapter."""
    return not estimator.training and all(
        type(part).__module__.partition(".")[0] in KNOWN
        and "forward" not in vars(part)
        and not part._forward_hooks
        and not part._forward_pre_hooks
        and getattr(part, "lora_layer", None) is None
        for part in estimator.modules()
    )


def recorder(device):
    """What turns a function without arguments into its replay, or None where nothing does."""
    return recorded if device.type == "cuda" else None


def recorded(step):
    """A CUDA graph of ``step``; its output is one tensor that every replay overwrites."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(WARM_UPS):
            step()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        output = step()

    def replay():
        graph.replay()
        return output

    return replay


class Replays:
    """The steps of one utterance."""

    def __init__(self, solver, like, record):
        self.estimator, self.record = solver.estimator, record
        self.bucket = taken(solver, like)
        self.bucket.user = weakref.ref(self)

    def __call__(self, x, mask, mu, t, spks=None, cond=None, r=None):
        """As the estimator's ``forward``; what it returns holds until the next call."""
        if spks is None or cond is None or r is not None:
            return self.estimator.forward(x, mask, mu, t, spks=spks, cond=cond, r=r)
        bucket, frames = self.bucket, x.shape[-1]
        if mask is None:
            mask = torch.ones_like(x[:, :1])
        for name, given in {"x": x, "mask": mask, "mu": mu, "cond": cond}.items():
            buffer = bucket.given[name]
            buffer[..., :frames] = given
            buffer[..., frames:] = 0  # a mask does not take away a NaN of the last utterance
        bucket.given["t"].copy_(t)
        bucket.given["spks"].copy_(spks)
        if bucket.replay is None:
            bucket.replay = self.record(bucket.step)
        return bucket.replay()[..., :frames]


class Bucket:
    """Buffers of one size, and the graph that was recorded on them."""

    def __init__(self, estimator, like, frames):
        self.forward, self.replay = estimator.forward, None
        self.user = None  # the utterance it is used by, weakly: a bucket is free when that is gone
        rows, channels, _ = like.shape
        self.given = {
            "x": like.new_zeros(rows, channels, frames),
            "mask": like.new_zeros(rows, 1, frames),
            "mu": like.new_zeros(rows, channels, frames),
            "t": like.new_zeros(rows),
            "spks": like.new_zeros(rows, channels),
            "cond": like.new_zeros(rows, channels, frames),
        }
        kind = like.device.type
        self.half = kind, torch.get_autocast_dtype(kind), torch.is_autocast_enabled(kind)

    def step(self):
        kind, dtype, enabled = self.half
        # Weights that autocast keeps until its end would be gone at a later replay.
        with torch.autocast(kind, dtype, enabled=enabled, cache_enabled=False):
            return self.forward(**self.given)


def taken(solver, like):
    """A bucket that no other utterance is using, as the newest of those kept."""
    kept = _kept.setdefault(solver, {})
    frames = -(-like.shape[-1] // BUCKET) * BUCKET
    key = key_of(solver.estimator, like, frames)
    bucket = kept.pop(key, None)
    if bucket is None or (bucket.user is not None and bucket.user() is not None):
        bucket = Bucket(solver.estimator, like, frames)
    kept[key] = bucket
    for oldest in list(kept)[: max(0, len(kept) - KEPT)]:
        kept.pop(oldest, None)
    return bucket


def key_of(estimator, like, frames):
    """What a graph is bound to: shape, precision, and where the weights lie."""
    kind = like.device.type
    half = torch.is_autocast_enabled(kind), torch.get_autocast_dtype(kind)
    weights = [each.data_ptr() for each in (*estimator.parameters(), *estimator.buffers())]
    return frames, len(like), like.dtype, str(like.device), half, tuple(weights)
