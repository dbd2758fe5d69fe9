"""How the tables name a machine."""

from __future__ import annotations

import pytest

from benchmarks.catalogue.about import processor_name


@pytest.mark.parametrize(
    ("flags", "cores", "name"),
    [
        ("fpu sse2", 1, "A processor, 1 core"),
        ("avx2", 2, "A processor (AVX2), 2 cores"),
        ("avx2 avx_vnni", 4, "A processor (AVX2, VNNI), 4 cores"),
        (
            "avx2 avx512f avx_vnni avx512_bf16 avx512_vnni",
            2,
            "A processor (AVX2, AVX-512, VNNI, bfloat16), 2 cores",
        ),
        (
            "avx2 avx512f avx512_vnni avx512_bf16 amx_bf16 amx_tile amx_int8",
            2,
            "A processor (AVX2, AVX-512, VNNI, bfloat16, AMX), 2 cores",
        ),
    ],
)
def test_a_processor_is_named_with_what_its_vectors_can_do(
    flags: str, cores: int, name: str
) -> None:
    info = f"processor : 0\nmodel name\t: A processor\nflags\t\t: {flags}\n"
    assert processor_name(info, cores) == name
