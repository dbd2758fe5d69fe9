"""Several texts in one call, each in a voice of its own and with random numbers of its own.

T3 decodes all texts together: prompts are padded on the left and masked, every text draws from a
generator of its own, and a text that has ended leaves the batch. The CFM solver then runs on many
utterances at once, padded on the right and masked. Encoder, vocoder and watermark run a text at a
time. Each text says what `generate` says after ``torch.manual_seed`` of its seed, up to rounding.
"""

from contextlib import contextmanager

import torch
from torch.nn import functional
from transformers.generation.logits_process import (
    MinPLogitsWarper,
    RepetitionPenaltyLogitsProcessor,
    TopPLogitsWarper,
)

CFM_STEPS = 10  # as `S3Gen.flow_inference` asks for
MOST_TOKENS = 1000  # as `generate` asks for
VALID_TOKENS = 6561


def generate_batch(
    self,
    texts,
    audio_prompt_paths=None,
    seeds=None,
    repetition_penalty=1.2,
    min_p=0.05,
    top_p=1.0,
    exaggeration=0.5,
    cfg_weight=0.5,
    temperature=0.8,
    max_new_tokens=MOST_TOKENS,
    flow_rows=None,
):
    """Speech of several texts, a list of tensors (1, samples) in the order of the texts.

    Args:
        audio_prompt_paths: a voice for each text; None, or None for a text, is the present voice.
        seeds: one for each text; None draws them from torch's own generator.
        max_new_tokens: speech tokens of a text, at most.
        flow_rows: utterances that the CFM solver works on at once; None is one on a CPU, where
            arithmetic binds and padding costs time, and all of them elsewhere.

    Raises:
        ValueError: the lists have different lengths.
    """
    if seeds is None:
        seeds = torch.randint(2**62, (len(texts),)).tolist()
    paths = list(audio_prompt_paths or [None] * len(texts))
    if not len(texts) == len(paths) == len(seeds):
        raise ValueError("texts, audio_prompt_paths and seeds have different lengths")
    if not texts:
        return []
    voices = voices_of(self, paths, exaggeration)
    device = torch.device(self.device)
    rows = [
        Row(tokenized(self, text, cfg_weight > 0), voice, seeded(device, seed))
        for text, voice, seed in zip(texts, voices, seeds, strict=True)
    ]
    warpers = (
        RepetitionPenaltyLogitsProcessor(penalty=float(repetition_penalty)),
        temperature,
        MinPLogitsWarper(min_p=min_p),
        TopPLogitsWarper(top_p=top_p),
    )
    with torch.inference_mode():
        speech_tokens(self.t3, rows, warpers, cfg_weight, max_new_tokens)
        at_once = flow_rows or (1 if device.type == "cpu" else len(rows))
        for start in range(0, len(rows), at_once):
            mels(self.s3gen, rows[start : start + at_once])
        return [spoken(self, row) for row in rows]


class Row:
    """One text of the batch on its way to speech."""

    def __init__(self, text, voice, random):
        self.text, self.voice, self.random = text, voice, random
        self.drawn = None  # speech tokens (1, n), the start token first
        self.mel = None

    def draw(self, logits, guidance, warpers):
        """The next token (1, 1) of logits (1, V), or (2, V): with the text and without it."""
        if len(logits) == 2:
            with_text, without = logits[:1], logits[1:]
            guidance = torch.as_tensor(guidance, device=logits.device, dtype=logits.dtype)
            logits = with_text + guidance * (with_text - without)
        penalty, temperature, min_p, top_p = warpers
        logits = penalty(self.drawn, logits)
        if temperature != 1.0:
            logits = logits / temperature
        logits = top_p(self.drawn, min_p(self.drawn, logits))
        probabilities = torch.softmax(logits, dim=-1)
        token = torch.multinomial(probabilities, num_samples=1, generator=self.random)
        self.drawn = torch.cat([self.drawn, token], dim=1)
        return token

    @property
    def tokens(self):
        """What is spoken (n,), as `generate` has it."""
        from .models.s3tokenizer import drop_invalid_tokens

        tokens = drop_invalid_tokens(self.drawn[0, 1:])
        return tokens[tokens < VALID_TOKENS]


def voices_of(speaker, paths, exaggeration):
    """The conditionals of every path; the speaker keeps those it had."""
    present = speaker.conds
    voices = []
    try:
        for path in paths:
            speaker.conds = present
            if path:
                speaker.prepare_conditionals(path, exaggeration=exaggeration)
            elif present is None:
                raise ValueError(
                    "a text without a voice: prepare_conditionals first, or name a file"
                )
            voices.append(with_emotion(speaker, exaggeration))
    finally:
        speaker.conds = present
    return voices


def with_emotion(speaker, exaggeration):
    voice = speaker.conds
    condition = voice.t3
    if exaggeration == condition.emotion_adv[0, 0, 0]:
        return voice
    other = type(condition)(
        speaker_emb=condition.speaker_emb,
        cond_prompt_speech_tokens=condition.cond_prompt_speech_tokens,
        emotion_adv=exaggeration * torch.ones(1, 1, 1),
    ).to(device=speaker.device)
    return type(voice)(other, voice.gen)


def tokenized(speaker, text, guided):
    """Text tokens (1 or 2, n): with guidance twice, once to be heard and once not."""
    from .tts import punc_norm  # which imports this module

    tokens = speaker.tokenizer.text_to_tokens(punc_norm(text)).to(speaker.device)
    tokens = functional.pad(tokens, (1, 0), value=speaker.t3.hp.start_text_token)
    tokens = functional.pad(tokens, (0, 1), value=speaker.t3.hp.stop_text_token)
    return torch.cat([tokens, tokens]) if guided else tokens


def speech_tokens(t3, rows, warpers, guidance, most):
    """Let every row draw its tokens; a row that draws the stop token leaves the batch."""
    start = torch.tensor([[t3.hp.start_speech_token]], device=t3.device)
    prompts = []
    for row in rows:
        row.drawn = start
        prompts += prompt(t3, row, start, guidance)
    per_row = len(prompts) // len(rows)
    lengths = torch.tensor([len(each) for each in prompts], device=t3.device)
    longest = int(lengths.max())
    padded = [functional.pad(each, (0, 0, longest - len(each), 0)) for each in prompts]
    mask = torch.arange(longest, device=t3.device) >= (longest - lengths)[:, None]
    mask = mask.long()
    # What is masked has a position, too: the first.
    positions = (mask.cumsum(1) - 1).clamp(min=0)
    inputs, past, live = torch.stack(padded), None, list(rows)
    for number in range(most):
        output = t3.tfmr(
            inputs_embeds=inputs,
            attention_mask=mask,
            position_ids=positions,
            past_key_values=past,
            use_cache=True,
        )
        past = output.past_key_values
        logits = t3.speech_head(output.last_hidden_state[:, -1])
        fresh = torch.cat(
            [
                row.draw(of_row, guidance, warpers)
                for row, of_row in zip(live, logits.split(per_row), strict=True)
            ]
        )
        ended = (fresh.view(-1) == t3.hp.stop_speech_token).tolist()
        if any(ended):
            going = [place for place, over in enumerate(ended) if not over]
            if not going:
                return
            live = [live[place] for place in going]
            fresh = fresh[going]
            kept = [place * per_row + part for place in going for part in range(per_row)]
            kept = torch.tensor(kept, device=t3.device)
            past.batch_select_indices(kept)
            mask, positions = mask[kept], positions[kept]
        embedded = t3.speech_emb(fresh) + t3.speech_pos_emb.get_fixed_embedding(number + 1)
        inputs = embedded.repeat_interleave(per_row, dim=0)
        mask = torch.cat([mask, mask.new_ones(len(mask), 1)], dim=1)
        positions = positions[:, -1:] + 1


def prompt(t3, row, start, guidance):
    """Embeddings (n, C) that a row begins with, one or two of them."""
    embedded, _ = t3.prepare_input_embeds(
        t3_cond=row.voice.t3,
        text_tokens=row.text,
        speech_tokens=start.expand(len(row.text), -1),
        cfg_weight=guidance,
    )
    first = t3.speech_emb(start) + t3.speech_pos_emb.get_fixed_embedding(0)
    return torch.cat([embedded, first.expand(len(embedded), -1, -1)], dim=1)


def mels(s3gen, rows):
    """Solve the flow of some utterances together; each row has its mel (1, 80, frames) then."""
    given = [solver_inputs(s3gen, row) for row in rows]
    frames = max(mean.shape[2] for mean, *_ in given)

    def together(index):
        return torch.cat(
            [functional.pad(each[index], (0, frames - each[index].shape[2])) for each in given]
        )

    mean, condition, noise = (together(index) for index in range(3))
    mask = torch.zeros(len(rows), 1, frames, device=mean.device, dtype=mean.dtype)
    for of_row, (own, *_) in zip(mask, given, strict=True):
        of_row[:, : own.shape[2]] = 1
    with kept_random(mean.device):  # it draws noise before it takes ours
        solved, _ = s3gen.flow.decoder(
            mu=mean,
            mask=mask,
            spks=torch.cat([speaker for *_, speaker, _ in given]),
            cond=condition,
            n_timesteps=CFM_STEPS,
            noised_mels=noise,
        )
    for row, mel, (own, *_, prompted) in zip(rows, solved, given, strict=True):
        row.mel = mel[None, :, prompted : own.shape[2]].to(s3gen.dtype)


def solver_inputs(s3gen, row):
    """Mean, condition and noise (1, 80, frames), the speaker (1, 80), and the prompt's frames."""
    flow, device, dtype = s3gen.flow, s3gen.device, s3gen.dtype
    voice = {
        name: torch.as_tensor(each).to(device=device, dtype=dtype)
        for name, each in row.voice.gen.items()
        if each is not None
    }
    speaker = functional.normalize(torch.atleast_2d(voice["embedding"]), dim=1)
    speaker = flow.spk_embed_affine_layer(speaker)
    tokens = torch.cat([torch.atleast_2d(voice["prompt_token"]), row.tokens[None]], dim=1).long()
    embedded = flow.input_embedding(tokens)
    hidden, _ = flow.encoder(embedded, torch.tensor([tokens.shape[1]], device=device))
    mean = flow.encoder_proj(hidden).transpose(1, 2).contiguous()
    prompted = voice["prompt_feat"].shape[1]
    condition = torch.zeros_like(mean)
    condition[:, :, :prompted] = voice["prompt_feat"].transpose(1, 2)
    noise = torch.randn(mean.shape, generator=row.random, device=device, dtype=mean.dtype)
    return mean, condition, noise, speaker, prompted


def spoken(speaker, row):
    """The watermarked audio (1, samples) of a row's mel."""
    s3gen = speaker.s3gen
    with kept_random(row.random.device, row.random):
        audio, _ = s3gen.hift_inference(row.mel, None)
    audio[:, : len(s3gen.trim_fade)] *= s3gen.trim_fade
    samples = audio.squeeze(0).detach().cpu().numpy()
    marked = speaker.watermarker.apply_watermark(samples, sample_rate=speaker.sr)
    return torch.from_numpy(marked).unsqueeze(0)


def seeded(device, seed):
    return torch.Generator(device).manual_seed(seed)


@contextmanager
def kept_random(device, random=None):
    """Draw from ``random`` for a while, in place of torch's own generator; leave that as it was."""
    on_gpu = device.type == "cuda"
    get = torch.cuda.get_rng_state if on_gpu else torch.get_rng_state
    set_ = torch.cuda.set_rng_state if on_gpu else torch.set_rng_state
    before = get()
    if random is not None:
        set_(random.get_state())
    try:
        yield
    finally:
        if random is not None:
            random.set_state(get())
        set_(before)
