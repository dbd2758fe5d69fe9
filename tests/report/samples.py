"""Parts of a verification, as `verify --json` has them, and what pages are made of."""

from __future__ import annotations

import math
from array import array
from typing import Any

from patcher.report.sound import Sounds, decode

INPLACE = (
    "Inplace update to inference tensor outside InferenceMode is not allowed."
    "You can make a clone to get a normal tensor before doing inplace update."
    "See https://github.com/pytorch/rfcs/pull/17 for more details."
)
MODELS = ("Base Chatterbox", "GRPO Fine-tuned", "Mixed Precision Quantized")
TESTS = ("Built-in voice", "Cloned voice A", "Cloned voice B")
BLANK = " "  # the context of an empty line
DIFF = f"""\
--- a/chatterbox/models/s3tokenizer/s3tokenizer.py
+++ b/chatterbox/models/s3tokenizer/s3tokenizer.py
@@ -87,7 +87,7 @@ class S3Tokenizer(S3TokenizerV2):
             processed_wavs.append(wav)
         return processed_wavs
{BLANK}
-    @torch.no_grad()
+    @torch.inference_mode()
     def forward(
         self,
         wavs: torch.Tensor,
--- a/chatterbox/models/s3gen/hifigan.py
+++ b/chatterbox/models/s3gen/hifigan.py
@@ -272,7 +272,7 @@ class SourceModuleHnNSF(torch.nn.Module):
         noise_source (batchsize, length 1)
         \"\"\"
         # source for harmonic branch
-        with torch.no_grad():
+        with torch.inference_mode():
             sine_wavs, uv, _ = self.l_sin_gen(x.transpose(1, 2))
             sine_wavs = sine_wavs.transpose(1, 2)
         sine_merge = self.l_tanh(self.l_linear(sine_wavs))
"""
ENVIRONMENT = {
    "system": "Linux",
    "processor": "AMD EPYC",
    "processors": 2,
    "memory_gib": 24,
    "python": "3.11.7",
    "torch": "2.6.0",
    "device": "cpu",
}


def case(model: str, test: str, status: str = "pass", **more: Any) -> dict[str, Any]:
    """One entry of ``cases``; the baseline passes."""
    same = status == "pass"
    return {
        "model": model,
        "test": test,
        "status": status,
        "outcome": "ok",
        "gate": "bitwise",
        "error": None,
        "baseline": {"status": "pass", "outcome": "ok", "error": None},
        "reason": "gates-pass" if same else "run-fails",
        "flaky": False,
        "difference": None,
        "seconds": {"baseline": 1.31, "patched": 1.27 if same else None},
        "stages": [
            {"name": "speech_tokens", "dtype": "int64", "shape": [1, 12], "same": same or None},
            {"name": "waveform", "dtype": "float32", "shape": [1, 11040], "same": same or None},
        ],
        **more,
    }


def matrix(failing: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    """Three models times three tests; the named tests raise."""
    raised = {"outcome": "exception", "gate": None, "error": INPLACE}
    return [
        case(model, test, "fail", **raised) if test in failing else case(model, test)
        for model in MODELS
        for test in TESTS
    ]


def result(verdict: str = "pass", **more: Any) -> dict[str, Any]:
    """A verification that passed, of two patches, with ``more`` in place of its keys."""
    return {
        "id": 7,
        "verdict": verdict,
        "reason": "all-pass",
        "sentence": "Every case passed its gates: 9 of 9 pass (bitwise)",
        "gate": "bitwise",
        "cases": matrix(),
        "diagnosis": [],
        "reproducible": "bitwise",
        "weights": "synthetic weights, tiny scale",
        "environment": ENVIRONMENT,
        "warnings": [],
        "trees": {"baseline": "02f7cb1b6e37378f" * 4, "patched": "43b24e7d3b80d0a1" * 4},
        "wall_s": 63.4,
        "restored": False,
        "series": ["inference_mode", "embed_ref_lens_clone"],
        "series_now": ["inference_mode", "embed_ref_lens_clone"],
        "target": "chatterbox-tts",
        "version": "0.1.7",
        "date": "2026-01-31 12:00:00",
        "diff": DIFF,
        **more,
    }


def speed(verdict: str = "faster", **more: Any) -> dict[str, Any]:
    """The object ``speed`` of six pairs."""
    return {
        "time_ratio": 0.658,
        "low": 0.625,
        "high": 0.694,
        "confidence": 0.969,
        "verdict": verdict,
        "pairs": 6,
        "margin": 0.03,
        "noise_floor": 0.011,
        "smallest_detectable": 0.021,
        "pairs_needed": 0,
        "means": "the whole interval is faster, the estimate by more than the margin",
        "pair_ratios": [0.66, 0.64, 0.694, 0.65, 0.658, 0.67],
        "rerun": [{"pair": 2, "reason": "load: others used 31% of the processors"}],
        "disturbed": [],
        "stages": [
            timed("t3", 0.81, 0.44),
            timed("flow", 0.32, 0.30),
            timed("vocoder", 0.14, 0.14),
        ],
        "components": [],
        "cold": {"pays_after_calls": None},
        **more,
    }


def timed(name: str, baseline_s: float, patched_s: float) -> dict[str, Any]:
    """One row of stages."""
    ratio = patched_s / baseline_s
    return {
        "name": name,
        "baseline_s": baseline_s,
        "patched_s": patched_s,
        "time_ratio": ratio,
        "low": 0.97 * ratio,
        "high": 1.03 * ratio,
    }


def table(source: str = "timed pairs") -> dict[str, Any]:
    """The report's own table."""

    def rows(times: float) -> list[dict[str, Any]]:
        return [
            {
                "model": model,
                "tests": 3,
                "avg_gen_s": 1.27 * times,
                "avg_rtf": 2.7 * times,
                "avg_vram_mb": 812.0 * times,
                "min_rtf": 2.5 * times,
                "max_rtf": 2.9 * times,
            }
            for model in MODELS
        ]

    return {
        "baseline": rows(1.0),
        "patched": rows(0.658),
        "ratio": [],
        "source": source,
        "memory": "peak growth of the process since before loading, MiB",
    }


DIAGNOSIS = {
    "error": INPLACE,
    "where": "chatterbox/models/s3gen/s3gen.py",
    "line": 163,
    "cause": "`ref_speech_token_lens[0] = ref_speech_tokens.shape[1]` in S3Token2Mel.embed_ref "
    "updates in place a tensor outside inference mode that S3Tokenizer.forward made under "
    "inference mode (line 125). inference_mode put it there: the decorator on "
    "S3Tokenizer.forward (chatterbox/models/s3tokenizer/s3tokenizer.py:90).",
    "created_at": "chatterbox/models/s3tokenizer/s3tokenizer.py:125 S3Tokenizer.forward",
    "fires_when": "`ref_mels_24.shape[1] != 2 * ref_speech_tokens.shape[1]`; Built-in voice never "
    "gets there",
    "patch": "inference_mode",
    "remedy": "embed_ref_lens_clone",
    "cases": [f"{model} / {test}" for model in MODELS for test in TESTS[1:]],
    "excerpts": [
        {
            "role": "fails here",
            "file": "chatterbox/models/s3gen/s3gen.py",
            "line": 163,
            "function": "S3Token2Mel.embed_ref",
            "first": 160,
            "lines": [
                "        if ref_mels_24.shape[1] != 2 * ref_speech_tokens.shape[1]:",
                "            logging.warning('reference mel length is not 2 * token length')",
                "            ref_speech_tokens = ref_speech_tokens[:, : ref_mels_24.shape[1] // 2]",
                "            ref_speech_token_lens[0] = ref_speech_tokens.shape[1]",
                "",
                "        return dict(",
                "            prompt_token=ref_speech_tokens.to(device),",
            ],
        },
        {
            "role": "made here",
            "file": "chatterbox/models/s3tokenizer/s3tokenizer.py",
            "line": 125,
            "function": "S3Tokenizer.forward",
            "first": 122,
            "lines": [
                "        else:",
                "            tokenizer = accelerator.unwrap_model(self)",
                "",
                "        speech_tokens, speech_token_lens = tokenizer.quantize(mels, mel_lens)",
                "        return (",
                "            speech_tokens.long().detach(),",
                "            speech_token_lens.long().detach(),",
            ],
        },
        {
            "role": "the edit",
            "file": "chatterbox/models/s3tokenizer/s3tokenizer.py",
            "line": 90,
            "function": "S3Tokenizer.forward",
            "first": 87,
            "lines": [
                "            processed_wavs.append(wav)",
                "        return processed_wavs",
                "",
                "    @torch.no_grad()",
                "    def forward(",
                "        self,",
                "        wavs: torch.Tensor,",
            ],
        },
    ],
}


def failed(**more: Any) -> dict[str, Any]:
    """The report's own failure: six of nine, explained, restored."""
    return result(
        "fail",
        **{
            "reason": "cases-fail",
            "sentence": "Cases fail under the patch and pass without it: 3 of 9 pass (bitwise), "
            "6 fail",
            "cases": matrix(TESTS[1:]),
            "diagnosis": [DIAGNOSIS],
            "restored": True,
            "series": ["inference_mode"],
            "series_now": [],
            "exercised": [
                {
                    "patch": "inference_mode",
                    "file": "chatterbox/models/s3tokenizer/s3tokenizer.py",
                    "line": 90,
                    "kind": "ran",
                    "cases": [f"{model} / {test}" for model in MODELS for test in TESTS[1:]],
                },
                {
                    "patch": "inference_mode",
                    "file": "chatterbox/models/s3gen/hifigan.py",
                    "line": 275,
                    "kind": "never",
                    "cases": [],
                },
            ],
            **more,
        },
    )


def benched(verdict: str = "faster", **more: Any) -> dict[str, Any]:
    """A verification with timed pairs."""
    return result(speed=speed(verdict, **more), table=table())


def benched_result(verdict: str, times: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A verification with timed pairs, and further keys of its own."""
    return result(speed=speed(verdict, **times), table=table(), **more)


def hum(pitch: float, seconds: float = 0.5, rate: int = 8000) -> bytes:
    """Samples of a tone that fades, as little-endian float32."""
    count = int(seconds * rate)
    tone = (
        0.4 * math.sin(2 * math.pi * pitch * at / rate) * (1 - at / count) for at in range(count)
    )
    return array("f", tone).tobytes()


def sounds(actual: dict[str, Any]) -> dict[tuple[str, str], Sounds]:
    """Tones for both arms of every case that passed; for one that failed, the baseline's alone."""
    return {
        (each["model"], each["test"]): Sounds(
            decode("float32", hum(220 + 40 * number), 8000),
            decode("float32", hum(220 + 40 * number), 8000) if each["status"] == "pass" else None,
        )
        for number, each in enumerate(actual["cases"])
    }
