"""From results to ``docs/catalogue-measured.md``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from benchmarks.catalogue import processors
from benchmarks.catalogue.interactions import savings, times
from benchmarks.catalogue.scope import stages_of, why_not
from benchmarks.catalogue.trees import PRISTINE, Subject

Figures = Mapping[str, Any]
Results = Mapping[str, Mapping[str, Mapping[str, Figures]]]
DEVICES = {"cpu": "CPU", "cuda": "GPU"}
NOT_MEASURED = "not measured"
LOOPS = {"t3_step": "T3 step", "cfm_step": "CFM step", "vocoder": "vocoder call"}
STAGE_WORDS = {
    "conditionals": "a voice cloned",
    "conditionals_again": "the same voice again",
    "speech_tokens": "T3",
    "mel": "flow",
    "vocoder": "vocoder",
}
RATES = {
    "product": "product, float32: Gop/s",
    "product_int8": "int8",
    "product_bfloat16": "bfloat16",
    "attention": "attention, float32: Gop/s",
    "read": "reading: GB/s",
    "two_rows": "product of two rows, float32: GB/s",
    "two_rows_narrow": "the same as narrow products",
    "two_rows_int8": "the same in int8",
}

ABOUT = {
    "counts": """\
What reaches the dispatcher in one pass of each inner loop. *Operations* compute; the dispatches
beyond them are views. A *read* makes the host wait for a value, an *upload* makes a tensor of a
host's number. Counts depend on neither load nor clock. Same bits: logits, tokens, mel and
waveform of the built-in and two cloned voices equal pristine's.""",
    "gates": """\
Each subject's own gate, on three models and three tests at tiny size. The figures are the worst
of all cases; a bitwise gate has none.""",
    "stages": """\
Patched time over pristine time of the stages whose code a patch edits, each on inputs recorded
once from pristine, so that all do the same work: full size, the built-in voice for T3, flow and
vocoder, a clip of 3 s for a cloned voice. A process each, loaded once; then rounds in which every
one does its stages once, their order turned round each time. The interval is the signed-rank one
of the rounds' ratios, at 96.8 %; fewer rounds than six decide nothing. Below 1 is faster. Seconds
are medians. What a patch gains here, a generation gains in that stage alone.""",
    "speed": """\
Patched time over pristine time of whole generations in the built-in voice at full size, in the
same kind of rounds. T3 draws as many tokens for every subject; the column counts those that are
spoken, because the package drops some kinds.""",
    "processors": """\
Every set on every processor that it was timed on. In brackets: how many times its floor a part
takes. The floor is arithmetic. T3 has to read its weights for every token, and the keys and values
so far, and to multiply its prompt; flow and vocoder have to multiply. Both are counted on pristine
and divided by what the processor reads and multiplies at in the precision that the set chooses
there. Sets that speak a token or two more have a little more to do. A round in which any of them
took over 1.3 times its own median was disturbed by a neighbour: all of them are measured again in
it, up to twice the rounds that were planned.""",
    "start": """\
A fresh process: imports and loading, then a second of speech in the built-in voice (25 tokens) for
the first time and once more. The package gives an utterance as a whole, so that this is the time to
the first audio of a short one. Memory is what the system counts as resident; what
is not its own are pages of files, weights and code, which the system can take back.""",
    "life": """\
Generations in one process: three voices and a file that changes, nine lengths, and every fiftieth
one at the model's limit (2040 letters, 1000 speech tokens; not before 2026-11-29). A voice cloned
from a changed file is one more of the 16 that `conds_cache` keeps, seven tensors each.""",
    "rates": """\
How fast torch is at what a generation consists of, in shapes of the full model: a feed-forward's
product and an attention of the CFM decoder for 100 tokens, in 10⁹ operations a second (a
multiplication and an addition are two), then a product of two rows in T3, in 10⁹ bytes of weights a
second, beside only reading them. Int8 weights are a quarter of the bytes.""",
    "operations": """\
Gains do not add. Operations spared by each patch of a set alone, added up, beside those that the
set spares. Together less: two patches spare the same ones. More: one makes room for another.""",
    "times": """\
The time ratios of the patches that edit a stage, multiplied, beside the ratio of that stage with
all of them; where every one was timed alone on the same machine. Those of a set are of whole
generations, those of several patches joined are of the stage alone.""",
}


Renderer = Callable[["Book", str, Mapping[str, str]], str]
"""A part's table: of a book, under a key, with columns for some devices."""


@dataclass(frozen=True)
class Book:
    """All results, and all that could be in them.

    Attributes:
        results: by device, part and subject.
        subjects: what ships, in the order of rows; sets last.
    """

    results: Results
    subjects: Sequence[Subject]
    distribution: str
    version: str

    def of(self, device: str, part: str) -> Mapping[str, Figures]:
        return self.results.get(device, {}).get(part, {})

    def missing(self, device: str, part: str, subject: Subject) -> str:
        """Why there is no figure."""
        why = why_not(part.partition("-")[0], subject, self.distribution, self.version, device)
        return f"not applicable: {why}" if why else NOT_MEASURED

    def rows(self, part: str, expected: Callable[[Subject], bool]) -> list[Subject]:
        """Wanted subjects and whatever else was measured; pristine first, then patches, sets."""
        measured = {name for device in DEVICES for name in self.of(device, part)}
        rows = [each for each in self.subjects if expected(each) or each.name in measured]
        extra = measured - {each.name for each in rows}
        rows += [Subject(name) for name in extra]
        return sorted(rows, key=lambda each: (each.name != PRISTINE, is_set(each), each.name))


def page(book: Book) -> str:
    """The whole page."""
    parts = [
        "# The catalogue, measured",
        "Written by `python -m benchmarks.catalogue`; not edited by hand. Weights are synthetic:\n"
        "they bound the numerics, and say nothing about how speech sounds.",
        "## Counts",
        ABOUT["counts"],
    ]
    for scale in ("full", "tiny"):
        key = f"counts-{scale}"
        parts += [f"### {scale.capitalize()} size", counts(book, key), *measured_on(book, key)]
    shown: dict[str, tuple[str, Renderer]] = {
        "gates": ("Gates", gates),
        "stages-full": ("Patches, by stage", stages),
        "speed-full": ("Sets, whole generations", speed),
        "life": ("A long life", life),
    }
    for key, (title, render) in shown.items():
        about = ABOUT[key.partition("-")[0]]
        parts += [f"## {title}", about, render(book, key, DEVICES), *measured_on(book, key)]
        parts += elsewhere(book, key, render)
    parts += by_processor(book)
    parts += ["## What a processor does", ABOUT["rates"], rates(book)]
    parts += ["## Interactions", ABOUT["operations"], operations(book), ABOUT["times"]]
    return "\n\n".join([*parts, interactions(book)]) + "\n"


def by_processor(book: Book) -> list[str]:
    """Sets on every machine beside their floors, where verdicts differ, and what a start costs."""
    rows = processors.speed_rows(book.results, book.subjects)
    differing = processors.disagreements(book.results, book.subjects)
    lines = ["Verdicts that differ:", *(f"- {line}" for line in differing)] if differing else []
    started = list(processors.start_rows(book.results, book.subjects))
    return [
        "## Sets by processor",
        ABOUT["processors"],
        table(processors.speed_head(), rows),
        "\n".join(lines) or "No set has one verdict on one processor and another on another.",
        "## Start and memory",
        ABOUT["start"],
        table(processors.start_head(), started) if started else f"{NOT_MEASURED.capitalize()}.",
    ]


def is_set(subject: Subject) -> bool:
    return subject.name.startswith("@")


def counts(book: Book, key: str) -> str:
    head = ["patch or set", *(f"{loop}: operations (dispatches)" for loop in LOOPS.values())]
    head += ["reads / uploads a T3 step", "reads a CFM step", "same bits"]
    head += ["GPU: operations T3 / CFM / vocoder", "GPU: same bits"]
    rows = []
    for subject in book.rows(key, lambda _: True):
        here, there = (book.of(device, key) for device in DEVICES)
        row = [f"`{subject.name}`"]
        if (each := here.get(subject.name)) and (base := here.get(PRISTINE)):
            row += [changed(each[loop], base[loop]) for loop in LOOPS]
            row.append(f"{each['t3_step']['reads']} / {each['t3_step']['uploads']}")
            row += [str(each["cfm_step"]["reads"]), same_bits(each, base)]
        else:
            row += [book.missing("cpu", key, subject), *[""] * 5]
        if (each := there.get(subject.name)) and (base := there.get(PRISTINE)):
            row.append(" / ".join(str(each[loop]["operations"]) for loop in LOOPS))
            row.append(same_bits(each, base))
        else:
            row += [book.missing("cuda", key, subject), ""]
        rows.append(row)
    return table(head, rows)


def changed(now: Mapping[str, int], then: Mapping[str, int]) -> str:
    """Operations, their change against pristine, dispatches."""
    share = now["operations"] / then["operations"] - 1
    change = f" {share:+.0%}" if round(share, 2) else ""
    return f"{now['operations']}{change} ({now['dispatches']})"


def same_bits(each: Figures, base: Figures) -> str:
    """The processor and the number of threads decide how sums are split, and so the bits."""
    machines = ((result["facts"], result["about"]["device"]) for result in (each, base))
    if len({repr(machine) for machine in machines}) > 1:
        return "not comparable"
    return "yes" if each["stages"] == base["stages"] else "no"


def gates(book: Book, key: str, devices: Mapping[str, str]) -> str:
    head = ["patch or set", "gate"]
    for device in devices.values():
        head += [f"{device}: verdict", "cases", "worst figures"]
    rows = []
    for subject in book.rows(key, lambda each: each.name != PRISTINE):
        row = [f"`{subject.name}`", subject.equivalence.value]
        for device in devices:
            if not (each := book.of(device, key).get(subject.name)):
                row += [book.missing(device, key, subject), "", ""]
                continue
            by_status = sorted(each["cases"].items())
            cases = ", ".join(f"{number} {status}" for status, number in by_status)
            worst = sorted(each["worst"].items())
            figures = ", ".join(f"{name} {value:.4g}" for name, value in worst)
            row += [each["verdict"], cases, "; ".join(each["failures"]) or figures]
        rows.append(row)
    return table(head, rows)


def stages(book: Book, key: str, devices: Mapping[str, str]) -> str:
    head = ["patch", "stage", "tokens"]
    for device in devices.values():
        head += [f"{device}: pristine s", "patched s", "time ratio (interval)", "verdict", "rounds"]
    rows = []
    for subject in book.rows(key, lambda each: each.name != PRISTINE and not is_set(each)):
        settings = {device: book.of(device, key).get(subject.name) for device in devices}
        known = dict.fromkeys(
            stage for each in settings.values() if each for stage in each["stages"]
        )
        for stage in known or fitting_stages(book, subject):
            some = next((each for each in settings.values() if each), None)
            row = [f"`{subject.name}`", STAGE_WORDS.get(stage, stage)]
            row.append(str(some["tokens"]) if some and not stage.startswith("cond") else "")
            for device, each in settings.items():
                row += compared(each and each["stages"].get(stage)) or [
                    "", "", book.missing(device, key, subject), "", "",
                ]  # fmt: skip
            rows.append(row)
    return table(head, rows)


def fitting_stages(book: Book, subject: Subject) -> Sequence[str]:
    """The rows of a patch that has not been measured: one where it never will be."""
    return (
        [""]
        if all(book.missing(d, "stages", subject) != NOT_MEASURED for d in DEVICES)
        else (stages_of(subject))
    )


def compared(figures: Figures | None) -> list[str]:
    """Seconds, the ratio with its interval, the verdict and the rounds; nothing when unknown."""
    if not figures:
        return []
    ratio = f"{figures['time_ratio']:.3f} ({figures['low']:.3f} to {figures['high']:.3f})"
    seconds = [f"{figures[which]:.3g}" for which in ("pristine_seconds", "seconds")]
    return [*seconds, ratio, figures["verdict"], str(figures["rounds"])]


def elsewhere(book: Book, key: str, render: Renderer) -> Iterable[str]:
    """The same table of machines that are not at hand any more, a folder of results each."""
    for folder in sorted(book.results.keys() - DEVICES.keys()):
        kept = book.results[folder].get(key)
        if not kept:
            continue
        measured = [each for each in book.subjects if each.name in kept]
        there = replace(book, results={"cpu": {key: kept}}, subjects=measured)
        yield f"### Kept from another machine: {folder}"
        yield render(there, key, {"cpu": DEVICES["cpu"]})
        yield from measured_on(there, key)


def speed(book: Book, key: str, devices: Mapping[str, str]) -> str:
    head = ["patch or set", "tokens"]
    for device in devices.values():
        head += [f"{device}: generation s", "T3 s", "flow s", "vocoder s"]
        head += ["time ratio (interval)", "verdict", "rounds"]
    rows = []
    for subject in book.rows(key, is_set):
        settings = {device: book.of(device, key).get(subject.name) for device in devices}
        some = next((each for each in settings.values() if each), None)
        row = [f"`{subject.name}`", str(some["tokens"]) if some else ""]
        for device, each in settings.items():
            if not each:
                row += ["", "", "", "", book.missing(device, key, subject), "", ""]
                continue
            for stage in ("generation", "speech_tokens", "mel", "vocoder"):
                row.append(f"{each['stages'][stage]['seconds']:.2f}")
            ratio = compared(each["stages"]["generation"])[2:]
            row += ["1", "", ratio[-1]] if subject.name == PRISTINE else ratio
        rows.append(row)
    return table(head, rows)


def life(book: Book, key: str, devices: Mapping[str, str]) -> str:
    keys = {
        "cpu": ("generation", "rss_mib", "modules", "hooks", "state", "tensors"),
        "cuda": ("device_mib",),
    }
    head = ["set", "generations", "resident MiB", "modules", "hooks", "state keys", "tensors"]
    head += ["GPU: device MiB"] * ("cuda" in devices)
    rows = []
    for subject in book.rows(key, lambda each: is_set(each) or each.name == PRISTINE):
        row = [f"`{subject.name}`"]
        for device in devices:
            each = book.of(device, key).get(subject.name)
            cells = [growth(each, name) for name in keys[device]] if each else [NOT_MEASURED]
            row += cells + [""] * (len(keys[device]) - len(cells))
        rows.append(row)
    return table(head, rows)


def rates(book: Book) -> str:
    rows = [
        [result["about"]["device"], result["about"]["versions"]["torch"], result["about"]["date"]]
        + [str(result["rates"].get(name, "")) for name in RATES]
        for folder in sorted(book.results)
        for result in book.of(folder, "rates").values()
    ]
    return table(["device", "torch", "date", *RATES.values()], rows)


def operations(book: Book) -> str:
    head = ["set", "size", "loop", "each alone, added up", "together", "difference"]
    rows = []
    for scale in ("full", "tiny"):
        for each in savings(book.subjects, book.of("cpu", f"counts-{scale}")):
            if each.alone or each.together:
                row = [f"`{each.subject.name}`", scale, LOOPS[each.loop]]
                more = each.together - each.alone
                rows.append([*row, str(each.alone), str(each.together), f"{more:+d}"])
    return table(head, rows)


def interactions(book: Book) -> str:
    head = ["set", "stage", "machine", "each alone, multiplied", "together (interval)", "verdict"]
    rows = []
    for folder in sorted(book.results):
        measured = (book.of(folder, part) for part in ("stages-full", "speed-full"))
        for each in times(book.subjects, *measured):
            row = [f"`{each.subject.name}`", STAGE_WORDS[each.stage]]
            row += [each.together["about"]["device"], f"{each.alone:.3f}"]
            stage = each.together["stages"][each.stage]
            rows.append([*row, compared(stage)[2], stage["verdict"]])
    return table(head, rows)


def growth(figures: Figures, key: str) -> str:
    """A size after a quarter, a half and all of the generations."""
    marks = figures["marks"]
    chosen = [marks[len(marks) // 4 - 1], marks[len(marks) // 2 - 1], marks[-1]]
    return " → ".join(str(mark[key]) for mark in chosen)


def measured_on(book: Book, key: str) -> Iterable[str]:
    """One line for each date, commit and machine."""
    lines: dict[str, list[str]] = {}
    for device in DEVICES:
        for name, each in sorted(book.of(device, key).items()):
            about = each["about"]
            versions = ", ".join(f"{what} {which}" for what, which in about["versions"].items())
            line = f"{about['date']}, commit {about['commit']}, {about['device']}; {versions}"
            lines.setdefault(line, []).append(name)
    for line, names in lines.items():
        yield f"Measured {line}{' (' + ', '.join(names) + ')' if len(lines) > 1 else ''}."


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    escaped = ([cell.replace("|", "\\|") for cell in line] for line in lines)
    return "\n".join("| " + " | ".join(line) + " |" for line in escaped)
