"""Parts of Chatterbox run alone, and stages replayed on recorded inputs. Runs in a worker."""

from __future__ import annotations

import contextlib
import inspect
from typing import TYPE_CHECKING, Any

from patcher.targets.adapter import Buffer, NotApplicable, Produced, stage_seed
from patcher.targets.chatterbox.loaded_model import from_buffer, to_buffer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from patcher.targets.adapter import Test
    from patcher.targets.chatterbox.loaded_model import LoadedModel

    Part = Callable[[], Mapping[str, Any]]

FRAMES = {"tiny": 100, "full": 200}  # mel frames the vocoder and the decoder work on
STEPS = 8  # T3 steps, after one prefill
TEXT_LENGTH = 24
# Arguments of sampling in replays: flat enough for any temperature but this one to show.
UNUSUAL = {
    "temperature": 4.0,
    "cfg_weight": 0.4,
    "min_p": 0.01,
    "top_p": 0.99,
    "repetition_penalty": 1.3,
}
PROMPT_LENGTH = 50


def component(session: LoadedModel, name: str, seed: int) -> Callable[[], Mapping[str, Buffer]]:
    """The part ``name`` on inputs drawn once from ``seed``; random draws inside repeat."""
    if name not in COMPONENTS:
        raise NotApplicable(f"no component {name!r}")
    torch = session.torch
    part = COMPONENTS[name](session, torch.Generator().manual_seed(seed))

    def call() -> Mapping[str, Buffer]:
        torch.manual_seed(stage_seed(seed, name))
        with torch.inference_mode():
            result = part()
        session.synchronize()
        return {key: to_buffer(value) for key, value in result.items()}

    return call


def vocoder(session: LoadedModel, draw: Any) -> Part:
    """Mel of shape (1, 80, frames) to a waveform (1, 480 * frames)."""
    mel = session.torch.randn(1, 80, FRAMES[session.scale], generator=draw).to(session.device)
    flow = session.speaker.s3gen
    return lambda: {"waveform": flow.hift_inference(mel, None)[0]}


def decoder(session: LoadedModel, draw: Any) -> Part:
    """One call of the flow's estimator, batch 2 as the guided solver calls it: (2, 80, frames)."""
    estimator = session.speaker.s3gen.flow.decoder.estimator
    weight = next(estimator.parameters())
    frames = FRAMES[session.scale]

    def tensor(*shape: int) -> Any:
        return session.torch.randn(*shape, generator=draw).to(weight)

    x, mu, cond = tensor(2, 80, frames), tensor(2, 80, frames), tensor(2, 80, frames)
    spks, t = tensor(2, 80), session.torch.full((2,), 0.5).to(weight)
    mask = session.torch.ones(2, 1, frames).to(weight)
    return lambda: {"mel": estimator(x, mask=mask, mu=mu, t=t, spks=spks, cond=cond)}


def tokenizer(session: LoadedModel, draw: Any) -> Part:
    """Two seconds of 16 kHz audio to speech tokens (1, 50)."""
    wave = (0.1 * session.torch.randn(1, 32_000, generator=draw)).to(session.device)
    part = session.speaker.s3gen.tokenizer
    return lambda: {"speech_tokens": part(wave)[0]}


def t3_step(session: LoadedModel, draw: Any) -> Part:
    """A prefill and eight sampled steps of T3, batch 2 as guidance needs it: tokens (1, 8)."""
    from chatterbox.models.t3.modules.cond_enc import T3Cond

    torch, t3 = session.torch, session.speaker.t3
    text = torch.randint(7, 100, (1, TEXT_LENGTH), generator=draw)
    text[0, 0], text[0, -1] = t3.hp.start_text_token, t3.hp.stop_text_token
    text = torch.cat([text, text]).to(session.device)
    prompt = torch.randint(0, 6561, (1, PROMPT_LENGTH), generator=draw)
    voice = torch.randn(1, 256, generator=draw)

    def call() -> Mapping[str, Any]:
        conditions = T3Cond(
            speaker_emb=voice / voice.norm(),
            cond_prompt_speech_tokens=prompt,
            emotion_adv=0.5 * torch.ones(1, 1, 1),
        ).to(device=session.device)
        session.cap = STEPS
        tokens = t3.inference(
            t3_cond=conditions, text_tokens=text, max_new_tokens=STEPS, stop_on_eos=False
        )
        return {"speech_tokens": tokens}

    return call


COMPONENTS: Mapping[str, Callable[[LoadedModel, Any], Part]] = {
    "vocoder": vocoder,
    "decoder": decoder,
    "tokenizer": tokenizer,
    "t3_step": t3_step,
}


def replay(session: LoadedModel, test: Test, recorded: Mapping[str, Buffer]) -> Produced:
    """Every stage from the recorded one before it.

    - ``logits`` (steps, 2, vocabulary): T3 forced along the recorded tokens, through the package's
      own `T3.inference` with the draw of each token replaced;
    - ``draws`` (steps, vocabulary): what each token was drawn from, under unusual arguments, so
      that an argument of sampling that has no effect shows;
    - ``mel``: the flow on the recorded tokens, same noise;
    - ``waveform``: the vocoder on the recorded mel, same noise, before the watermark.
    """
    clip = session.begin(test)
    if clip is not None:
        session.speaker.prepare_conditionals(clip)
    return replay_on(session, test, recorded)


def replay_on(
    session: LoadedModel, test: Test, recorded: Mapping[str, Buffer], dtype: Any = None
) -> Produced:
    """`replay` once the conditionals are there; recorded floats are cast to ``dtype`` if given."""
    torch, speaker = session.torch, session.speaker
    sampled = from_buffer(recorded["speech_tokens"], session.device).flatten()
    mel = from_buffer(recorded["mel"], session.device)
    session.cap = int(sampled.numel())
    session.kept = None
    known = inspect.signature(getattr(type(speaker.t3), session.sampling)).parameters
    unusual = {name: value for name, value in UNUSUAL.items() if name in known}
    with torch.inference_mode(), forced(session, sampled) as (logits, draws):
        getattr(speaker.t3, session.sampling)(
            t3_cond=speaker.conds.t3, text_tokens=session.text_tokens(test.options), **unusual
        )
    if not logits:
        raise NotApplicable("T3's speech head was not called where its logits can be recorded")
    stages = {"logits": torch.stack(logits), "draws": torch.cat(draws)}
    speech = sampled[sampled < 6561]
    with torch.inference_mode():
        stages["mel"] = speaker.s3gen.flow_inference(
            speech, ref_dict=dict(speaker.conds.gen), finalize=True
        )
        stages["waveform"] = speaker.s3gen.hift_inference(mel.to(dtype or mel.dtype), None)[0]
    return Produced(
        stages={name: to_buffer(value) for name, value in stages.items()},
        sample_rate=speaker.sr,
        tokens=int(speech.numel()),
        stage_s=dict(session.stage_s),
    )


def text_tokens(session: LoadedModel, text: str) -> Any:
    """A text as `generate` hands it to T3: two rows, start and stop tokens at the ends."""
    from chatterbox.tts import punc_norm

    return framed(session, session.speaker.tokenizer.text_to_tokens(punc_norm(text)))


def framed(session: LoadedModel, tokens: Any) -> Any:
    """Text tokens of (1, length) as two rows, start and stop tokens at the ends."""
    speaker, torch = session.speaker, session.torch
    tokens = tokens.to(session.device)
    row = torch.nn.functional.pad(tokens, (1, 0), value=speaker.t3.hp.start_text_token)
    row = torch.nn.functional.pad(row, (0, 1), value=speaker.t3.hp.stop_text_token)
    return torch.cat([row, row])


@contextlib.contextmanager
def record_logits(session: LoadedModel) -> Iterator[list[Any]]:
    """Collect the head's last logits of every step, (2, vocabulary) each, left on the device."""
    logits: list[Any] = []

    def keep(module: Any, given: Any, output: Any) -> None:
        last = output[:, -1].detach()
        logits.append(last.clone() if last.dtype == session.torch.float64 else last.float().clone())

    handle = session.speaker.t3.speech_head.register_forward_hook(keep)
    try:
        yield logits
    finally:
        handle.remove()


@contextlib.contextmanager
def forced(session: LoadedModel, tokens: Any) -> Iterator[tuple[list[Any], list[Any]]]:
    """Make sampling return ``tokens`` one after the other.

    Collects the head's last logits, and the probabilities each token was to be drawn from.

    Raises:
        NotApplicable: at the end, when the target drew its tokens in some other way.
    """
    torch = session.torch
    turns = tokens.tolist()
    draws: list[Any] = []
    draw = torch.multinomial

    def next_token(probabilities: Any, num_samples: int = 1, **named: Any) -> Any:
        widths = (torch.float32, torch.float64)
        kept = probabilities if probabilities.dtype in widths else probabilities.float()
        draws.append(kept.detach().reshape(1, -1).clone())
        return torch.tensor([[turns.pop(0)]], device=probabilities.device)

    torch.multinomial = next_token
    try:
        with record_logits(session) as logits:
            yield logits, draws
    finally:
        torch.multinomial = draw
    if turns:
        raise NotApplicable("T3 does not draw its tokens with torch.multinomial: not forced")
