"""Real packages with a workload and patches: good ones, wrong ones, one that is faster."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Change:
    """One edit of a package and what `verify` must say of it.

    Attributes:
        within: function it is in; ``old`` and ``new`` the code.
        error: part of the error of the failing case; empty when the patch must pass.
    """

    name: str
    file: str
    within: str
    old: str
    new: str
    error: str = ""
    equivalence: str = "bitwise"

    def spec(self, package: str) -> str:
        """The patch as a spec."""
        return (
            f"patch: {self.name}\nsummary: An example.\ntarget: {package}\n"
            f"equivalence: {self.equivalence}\nedits:\n"
            f"  - file: {self.file}\n    within: {self.within}\n"
            f"    match: {self.old!r}\n    with: {self.new!r}\n"
        )


@dataclass(frozen=True)
class Package:
    """A distribution, the workload in ``bench.py`` and changes of it."""

    name: str
    bench: str
    changes: tuple[Change, ...]
    faster: str = ""


RICH = Package(
    "rich",
    '''
from io import StringIO
from rich.console import Console
from rich.table import Table

cases = {"small": {"rows": 3}, "large": {"rows": 60}}

def work(rows):
    table = Table("name", "value", title="A table")
    for row in range(rows):
        table.add_row(f"[bold]row {row}[/]", str(row ** 3))
    console = Console(file=StringIO(), width=60)
    console.print(table)
    return console.file.getvalue()
''',
    (
        Change(
            "join_once", "rich/console.py", "Console._render_buffer",
            'rendered = "".join(output)', 'rendered = str().join(output)',
        ),
        Change(
            "upper_case", "rich/console.py", "Console._render_buffer",
            'rendered = "".join(output)', 'rendered = "".join(output).upper()',
            error="returned line 1 is '     A TABLE     ', on the baseline",
        ),
        Change(
            "crash", "rich/table.py", "Table.add_row",
            "self.rows.append(Row(style=style, end_section=end_section))",
            "self.rows.append(Row(style=style, end_section=end_section[0]))",
            error="'bool' object is not subscriptable",
        ),
    ),
)  # fmt: skip

REQUESTS = Package(
    "requests",
    '''
import requests

def work(url, params):
    request = requests.Request("POST", url, params=params, json={"a": [1, 2]})
    prepared = requests.Session().prepare_request(request)
    return prepared.url, dict(prepared.headers), prepared.body

def draw(rng):
    return {"url": f"https://example.com/{rng.randrange(1000)}", "params": {"q": rng.random()}}

cases = {"plain": {"url": "https://example.com", "params": {"q": "x y"}}}
''',
    (
        Change(
            "plus", "requests/utils.py", "default_user_agent",
            'return f"{name}/{__version__}"', 'return name + "/" + __version__',
        ),
        Change(
            "other_agent", "requests/utils.py", "default_user_agent",
            'return f"{name}/{__version__}"', 'return f"{name}/9.9"',
            error="returned[1]['User-Agent'] is 'python-requests/9.9', on the baseline",
        ),
    ),
)  # fmt: skip

NETWORKX = Package(
    "networkx",
    '''
import networkx

def setup():
    graph = networkx.gnm_random_graph(30_000, 60_000, seed=1)
    graph.add_edges_from((node, node) for node in range(0, 3000, 7))
    return graph

def work(graph):
    return networkx.number_of_selfloops(graph)
''',
    (
        Change(
            "plain_dict", "networkx/classes/function.py", "number_of_selfloops",
            "return sum(1 for _ in nx.selfloop_edges(G))",
            "return sum(1 for node, near in G._adj.items() if node in near)",
        ),
        Change(
            "off_by_one", "networkx/classes/function.py", "number_of_selfloops",
            "return sum(1 for _ in nx.selfloop_edges(G))",
            "return sum(1 for _ in nx.selfloop_edges(G)) + 1",
            error="returned is 430, on the baseline 429",
        ),
    ),
    faster="plain_dict",
)  # fmt: skip

SYMPY = Package(
    "sympy",
    '''
import sympy

cases = {"360": {"number": 360}, "prime": {"number": 9973}}

def work(number):
    x = sympy.Symbol("x")
    return sympy.divisors(number), sympy.expand((x + number) ** 3)
''',
    (
        Change(
            "list_first", "sympy/ntheory/factor_.py", "divisors",
            "return rv if generator else sorted(rv)",
            "return rv if generator else sorted(list(rv))",
        ),
        Change(
            "off_by_one", "sympy/ntheory/factor_.py", "_divisors.rec_gen",
            "range(factordict[ps[n]])", "range(factordict[ps[n]] - 1)",
            error="returned[0]",
        ),
    ),
)  # fmt: skip

DIFFUSERS = Package(
    "diffusers",
    '''
import torch
from diffusers import DDPMScheduler

def setup():
    return DDPMScheduler(num_train_timesteps=100)

def work(scheduler):
    scheduler.set_timesteps(10)
    noise = torch.Generator().manual_seed(1)
    sample = torch.randn(1, 3, 8, 8, generator=noise)
    for step in scheduler.timesteps:
        out = torch.randn(sample.shape, generator=noise)
        sample = scheduler.step(out, step, sample, generator=noise).prev_sample
    return sample
''',
    (
        Change(
            "reorder", "diffusers/schedulers/scheduling_ddpm.py", "DDPMScheduler._get_variance",
            "variance = (1 - alpha_prod_t_prev) / (1 - alpha_prod_t) * current_beta_t",
            "variance = current_beta_t * ((1 - alpha_prod_t_prev) / (1 - alpha_prod_t))",
        ),
        Change(
            "more_variance", "diffusers/schedulers/scheduling_ddpm.py",
            "DDPMScheduler._get_variance",
            "variance = torch.clamp(variance, min=1e-20)",
            "variance = torch.clamp(variance * 1.02, min=1e-20)",
            error="returned[0]", equivalence="close",
        ),
        Change(
            "off_by_one", "diffusers/schedulers/scheduling_ddpm.py",
            "DDPMScheduler.previous_timestep",
            "prev_t = timestep - self.config.num_train_timesteps // num_inference_steps",
            "prev_t = timestep - self.config.num_train_timesteps // num_inference_steps + 1",
            error="returned[0]",
        ),
    ),
)  # fmt: skip

TRANSFORMERS = Package(
    "transformers",
    '''
import torch
from transformers import LlamaConfig, LlamaForCausalLM

def setup():
    torch.manual_seed(1)
    config = LlamaConfig(
        vocab_size=64, hidden_size=32, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=64,
    )
    return LlamaForCausalLM(config).eval()

def work(model, tokens):
    with torch.no_grad():
        return model(torch.tensor([tokens])).logits

def draw(rng):
    return {"tokens": [rng.randrange(64) for _ in range(rng.randrange(2, 30))]}

cases = {"short": {"tokens": [1, 2, 3]}}
''',
    (
        Change(
            "square", "transformers/models/llama/modeling_llama.py", "LlamaRMSNorm.forward",
            "hidden_states.pow(2)", "hidden_states.square()",
        ),
        Change(
            "more_variance", "transformers/models/llama/modeling_llama.py",
            "LlamaRMSNorm.forward",
            "torch.rsqrt(variance + self.variance_epsilon)",
            "torch.rsqrt(variance * 1.02 + self.variance_epsilon)",
            error="returned[0]", equivalence="close",
        ),
    ),
)  # fmt: skip

LIGHT = (RICH, REQUESTS)
HEAVY = (NETWORKX, SYMPY, DIFFUSERS, TRANSFORMERS)
