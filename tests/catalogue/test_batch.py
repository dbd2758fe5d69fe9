"""`generate_batch`: every text of a batch is the single call of its seed."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import platformdirs
import pytest

from patcher.patchfile.catalogue import shipped

PROBE = Path(__file__).with_name("batch_probe.py")
START = 48
MOST = 30


@pytest.fixture
def batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The patch's module by itself; of the target it imports one function, which T3 never calls."""
    pytest.importorskip("transformers")
    models = tmp_path / "batched" / "models"
    models.mkdir(parents=True)
    (models / "s3tokenizer.py").write_text("def drop_invalid_tokens(tokens): return tokens\n")
    source = shipped() / "generate_batch" / "batch.py"
    (models.parent / "batch.py").write_text(source.read_text("utf-8"))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "batched", raising=False)
    return importlib.import_module("batched.batch")


class SmallT3:
    """A real Llama with what `T3` has around it."""

    def __init__(self) -> None:
        import torch
        from transformers import LlamaConfig, LlamaModel

        torch.manual_seed(0)
        small = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2}
        heads = {"num_attention_heads": 4, "num_key_value_heads": 4}
        self.device = torch.device("cpu")
        self.hp = SimpleNamespace(start_speech_token=START, stop_speech_token=-1)
        self.tfmr = LlamaModel(LlamaConfig(**small, **heads, vocab_size=8)).eval()
        self.speech_emb, self.text_emb = (torch.nn.Embedding(50, 64) for _ in range(2))
        places = torch.nn.Embedding(64, 64)
        self.speech_pos_emb = SimpleNamespace(
            get_fixed_embedding=lambda place: places(torch.tensor([[place]]))
        )
        self.speech_head = torch.nn.Linear(64, 50, bias=False)
        self.rows: list[int] = []
        decode = self.tfmr.forward

        def counted(**named: Any) -> Any:
            self.rows.append(len(named["inputs_embeds"]))
            return decode(**named)

        self.tfmr.forward = counted

    def prepare_input_embeds(
        self, *, t3_cond: Any, text_tokens: Any, speech_tokens: Any, cfg_weight: float
    ) -> tuple[Any, int]:
        import torch

        text = self.text_emb(text_tokens)
        if cfg_weight > 0:
            text[1].zero_()
        condition = t3_cond.expand(len(text), -1, -1)
        return torch.cat([condition, text, self.speech_emb(speech_tokens)], dim=1), 0


def alone(t3: SmallT3, row: Any, seed: int, guidance: float, warpers: Any) -> list[int]:
    """The package's own loop: one text, torch's own generator, no padding."""
    import torch

    torch.manual_seed(seed)
    penalty, temperature, min_p, top_p = warpers
    drawn = torch.tensor([[START]])
    embedded, _ = t3.prepare_input_embeds(
        t3_cond=row.voice.t3, text_tokens=row.text, cfg_weight=guidance,
        speech_tokens=drawn.expand(len(row.text), -1),
    )  # fmt: skip
    first = t3.speech_emb(drawn) + t3.speech_pos_emb.get_fixed_embedding(0)
    inputs, past = torch.cat([embedded, first.expand(len(embedded), -1, -1)], dim=1), None
    for number in range(MOST):
        output = t3.tfmr(inputs_embeds=inputs, past_key_values=past, use_cache=True)
        past = output.past_key_values
        logits = t3.speech_head(output.last_hidden_state[:, -1])
        if len(logits) == 2:
            logits = logits[:1] + guidance * (logits[:1] - logits[1:])
        logits = penalty(drawn, logits) / temperature
        logits = top_p(drawn, min_p(drawn, logits))
        token = torch.multinomial(torch.softmax(logits, dim=-1), num_samples=1)
        drawn = torch.cat([drawn, token], dim=1)
        if int(token) == t3.hp.stop_speech_token:
            break
        inputs = t3.speech_emb(token) + t3.speech_pos_emb.get_fixed_embedding(number + 1)
        inputs = inputs.expand(len(embedded), -1, -1)
    tokens: list[int] = drawn[0, 1:].tolist()
    return tokens


@pytest.mark.parametrize("guidance", [0.5, 0.0])
def test_texts_of_a_batch_draw_what_they_draw_alone_and_leave_when_they_end(
    batch: ModuleType, guidance: float
) -> None:
    import torch

    t3 = SmallT3()
    rows_a_text = 2 if guidance else 1
    warpers = (
        batch.RepetitionPenaltyLogitsProcessor(penalty=1.2), 0.8,
        batch.MinPLogitsWarper(min_p=0.05), batch.TopPLogitsWarper(top_p=1.0),
    )  # fmt: skip

    def rows() -> list[Any]:
        torch.manual_seed(9)
        return [
            batch.Row(
                torch.randint(0, 40, (1, words)).repeat(rows_a_text, 1),
                SimpleNamespace(t3=torch.randn(1, 6, 64)),
                batch.seeded(t3.device, seed),
            )
            for seed, words in enumerate((5, 17, 9, 2))
        ]

    with torch.inference_mode():
        t3.hp.stop_speech_token = alone(t3, rows()[0], 0, guidance, warpers)[5]
        expected = [alone(t3, row, seed, guidance, warpers) for seed, row in enumerate(rows())]
        t3.rows.clear()
        together = rows()
        batch.speech_tokens(t3, together, warpers, guidance, MOST)
    assert [row.drawn[0, 1:].tolist() for row in together] == expected
    assert len(expected[0]) <= 6 < max(map(len, expected))
    live = [sum(len(each) > step for each in expected) for step in range(max(map(len, expected)))]
    assert t3.rows == [rows_a_text * each for each in live]


def test_random_numbers_of_a_text_leave_torchs_own_as_they_were(batch: ModuleType) -> None:
    import torch

    own = batch.seeded(torch.device("cpu"), 7)
    torch.manual_seed(7)
    expected = torch.rand(6).tolist()
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = torch.rand(2, generator=own).tolist()
    with batch.kept_random(torch.device("cpu"), own):
        second = torch.rand(4).tolist()
    assert first + second == expected
    assert torch.equal(torch.get_rng_state(), before)


class SmallFlow:
    """What `mels` asks of `S3Gen`: an encoder, and a solver whose attention and mask are real."""

    def __init__(self) -> None:
        import torch

        torch.manual_seed(1)
        self.device, self.dtype = torch.device("cpu"), torch.float32
        self.solved: list[int] = []
        mix = torch.nn.Conv1d(240 + 80, 80, 1)
        embed, project = torch.nn.Embedding(100, 16), torch.nn.Linear(16, 80)

        def encoder(tokens: Any, lengths: Any) -> tuple[Any, Any]:
            assert lengths.tolist() == [tokens.shape[1]]
            return tokens.repeat_interleave(2, dim=1), lengths

        def decoder(
            mu: Any, mask: Any, spks: Any, cond: Any, n_timesteps: int, noised_mels: Any
        ) -> tuple[Any, None]:
            self.solved.append(len(mu))
            torch.randn_like(mu)  # as the package does before it takes what it is given
            x = noised_mels
            for _ in range(n_timesteps):
                speaker = spks[:, :, None].expand_as(mu)
                states = mix(torch.cat([x, mu, cond, speaker], dim=1) * mask)
                bias = (1 - mask) * -1e10
                weights = torch.softmax(states.transpose(1, 2) @ states / 80 + bias, dim=-1)
                x = x + 0.1 * torch.tanh(states @ weights.transpose(1, 2)) * mask
            return x, None

        self.flow = SimpleNamespace(
            spk_embed_affine_layer=torch.nn.Linear(8, 80), input_embedding=embed,
            encoder=encoder, encoder_proj=project, decoder=decoder,
        )  # fmt: skip


def test_utterances_of_a_batch_are_padded_and_masked_and_keep_noise_and_voice_of_their_own(
    batch: ModuleType,
) -> None:
    import torch

    s3gen = SmallFlow()

    def rows() -> list[Any]:
        torch.manual_seed(2)
        made = []
        for seed, (prompt, words) in enumerate(((5, 9), (3, 4), (8, 1))):
            voice = {
                "prompt_token": torch.randint(0, 100, (1, prompt)),
                "prompt_token_len": torch.tensor([prompt]),
                "prompt_feat": torch.randn(1, 2 * prompt, 80),
                "prompt_feat_len": None,
                "embedding": torch.randn(1, 8),
            }
            row = batch.Row(None, SimpleNamespace(gen=voice), batch.seeded(s3gen.device, seed))
            row.drawn = torch.randint(0, 100, (1, words + 1))
            made.append(row)
        return made

    alone, together = rows(), rows()
    with torch.inference_mode():
        torch.manual_seed(3)
        before = torch.get_rng_state()
        batch.mels(s3gen, together)
        assert torch.equal(torch.get_rng_state(), before)
        for row in alone:
            batch.mels(s3gen, [row])
    assert s3gen.solved == [3, 1, 1, 1]
    for one, other, words in zip(alone, together, (9, 4, 1), strict=True):
        assert other.mel.shape == (1, 80, 2 * words)
        assert torch.allclose(one.mel, other.mel, rtol=1e-4, atol=1e-4)
        assert torch.equal(one.random.get_state(), other.random.get_state())


@pytest.mark.slow
@pytest.mark.chatterbox
def test_chatterbox_says_together_what_it_says_text_by_text() -> None:
    pytest.importorskip("chatterbox", reason="chatterbox-tts is not installed")
    from benchmarks.catalogue.measure import Lab
    from benchmarks.catalogue.trees import Target, subject_of

    cache = Path(os.environ.get("PATCHER_CACHE") or platformdirs.user_cache_dir("patcher"))
    target = Target()
    values = Lab(target, "cpu", cache, print).assets("tiny").values
    clip = Path(next(iter(values["clips"].values()))["path"])
    with target.frozen(subject_of(target.catalogue, "@throughput")) as tree:
        done = subprocess.run(
            [sys.executable, str(PROBE), str(values["base"]), str(clip.parent)],
            env={**os.environ, "PYTHONPATH": str(tree.path)},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr[-3000:]
    answer: Mapping[str, Any] = json.loads(done.stdout.splitlines()[-1])
    for text in answer["together"]:
        assert text["tokens"]
        assert text["shape"]
        assert text["mel"], text
        assert text["snr_db"] >= 60
    assert max(answer["rows a step"]) == 6
    assert min(answer["rows a step"]) < 6, "a text that has ended leaves the batch"
    drawn, expected = answer["random numbers"]
    assert drawn == expected
    assert answer["the voice is kept"]
    assert answer["nothing"] == []
    assert "different lengths" in answer["refused"]
