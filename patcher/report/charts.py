"""The pictures of a report: pairs against the margin, stage times, memory, time over a life.

Drawn by matplotlib as SVG. In a page the colours are the page's own (CSS variables), so that a
picture follows light and dark; as files they are fixed, for a pull request.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from patcher.report.record import ARMS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from patcher.report.record import LifeRecord, Record, SpeedRecord, SpeedTable, StageTime

WIDTH_IN = 4.8
FONT_PT = 9.0
MOST_BARS = 12


@dataclass(frozen=True)
class Palette:
    """Colours by what they mean."""

    ink: str
    soft: str
    line: str
    baseline: str
    patched: str
    good: str


LIGHT = Palette("#1d2330", "#5b6474", "#c9ced8", "#8a94a6", "#3d5afe", "#1a7f4b")
# No colours of anybody: they stand for the page's own until the picture is written.
IN_PAGE = Palette("#010a01", "#010a02", "#010a03", "#010a04", "#010a05", "#010a06")
VARIABLES = {
    IN_PAGE.ink: "var(--ink)",
    IN_PAGE.soft: "var(--soft)",
    IN_PAGE.line: "var(--line)",
    IN_PAGE.baseline: "var(--baseline)",
    IN_PAGE.patched: "var(--patched)",
    IN_PAGE.good: "var(--good)",
}
SETTINGS: Mapping[str, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "patcher",
    "font.size": FONT_PT,
    "font.family": "sans-serif",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "figure.constrained_layout.use": True,
}

Draw = Callable[["Axes", Palette], None]


@dataclass(frozen=True)
class Chart:
    """One picture, not yet drawn.

    Attributes:
        name: for a file and for ids.
        title, caption: what it shows, and how to read it.
        rows: decides its height.
    """

    name: str
    title: str
    caption: str
    rows: int
    draw: Draw

    def svg(self, palette: Palette = LIGHT) -> str:
        """The picture as an SVG element, without the XML heading."""
        text = io.StringIO()
        with _settings():
            self._figure(palette).savefig(
                text, format="svg", transparent=True, metadata={"Date": None, "Creator": None}
            )
        result = text.getvalue()
        result = result[result.index("<svg") :]
        # Ids are unique in a page that shows several pictures.
        result = re.sub(r'\bid="', f'id="{self.name}-', result)
        result = re.sub(r'(href="#|url\(#)', rf"\1{self.name}-", result)
        return re.sub(r"font: ([^;\"]*)'[^\"]*'", r"font: \1sans-serif", result)

    def in_page(self) -> str:
        """The picture in the page's own colours, as wide as there is room."""
        result = self.svg(IN_PAGE)
        for colour, variable in VARIABLES.items():
            result = result.replace(colour, variable)
        return re.sub(r'<svg([^>]*?) height="[^"]*"', r"<svg\1", result, count=1).replace(
            "<svg", f'<svg role="img" aria-label="{self.title}"', 1
        )

    def png(self) -> bytes:
        """The picture on white, 200 dots an inch."""
        made = io.BytesIO()
        with _settings():
            self._figure(LIGHT).savefig(made, format="png", dpi=200, facecolor="white")
        return made.getvalue()

    def _figure(self, palette: Palette) -> Figure:
        from matplotlib.figure import Figure

        height = 0.75 + 0.24 * self.rows
        figure = Figure(figsize=(WIDTH_IN, height), layout="constrained")
        axes = figure.subplots()
        axes.tick_params(colors=palette.soft, labelcolor=palette.ink, length=3)
        for side in ("left", "bottom"):
            axes.spines[side].set_color(palette.line)
        axes.grid(axis="x", color=palette.line, linewidth=0.6)
        self.draw(axes, palette)
        for label in (axes.xaxis.label, axes.yaxis.label):
            label.set_color(palette.ink)
        return figure


def _settings() -> Any:
    from matplotlib import rc_context

    settings: Any = dict(SETTINGS)
    return rc_context(settings)


def charts(record: Record) -> tuple[Chart, ...]:
    """The pictures a record has figures for."""
    result: list[Chart] = []
    speed = record.speed
    if speed is not None and speed.measured and speed.pair_ratios:
        result.append(pair_chart(speed))
    if speed is not None and speed.stages:
        result.append(stage_chart("stages", "Time of each stage", speed.stages))
    if speed is not None and speed.components:
        result.append(stage_chart("parts", "Time of each part run alone", speed.components))
    timed = speed is not None and speed.measured  # what the gates took is no comparison
    if timed and record.table is not None and (memory := memory_rows(record.table)):
        result.append(memory_chart(record.table, memory))
    result += [life_chart(number, life) for number, life in enumerate(record.lives, 1)]
    return tuple(result)


def pair_chart(speed: SpeedRecord) -> Chart:
    """Every pair as a dot, the interval as a bar, the margin as a band."""
    fast = [1 / ratio for ratio in speed.pair_ratios]

    def draw(axes: Axes, palette: Palette) -> None:
        assert speed.time_ratio is not None
        assert speed.low is not None
        assert speed.high is not None
        rows = len(fast)
        margin = 1 + speed.margin
        axes.axvspan(1 / margin, margin, color=palette.line, alpha=0.55, linewidth=0)
        axes.axvline(1, color=palette.soft, linewidth=1, linestyle=(0, (4, 3)))
        axes.plot(fast, range(rows, 0, -1), "o", color=palette.patched, markersize=5)
        axes.hlines(0, 1 / speed.high, 1 / speed.low, color=palette.patched, linewidth=4)
        axes.plot([1 / speed.time_ratio], [0], "D", color=palette.ink, markersize=6)
        names = ["all", *(str(number) for number in range(rows, 0, -1))]
        axes.set_yticks(range(rows + 1), names)
        axes.set_ylim(-0.7, rows + 0.7)
        axes.set_ylabel("pair")
        axes.set_xlabel("times as fast as the baseline")
        shown = [*fast, 1 / speed.high, 1 / speed.low, margin, 1 / margin]
        space = 0.05 * (max(shown) - min(shown))
        axes.set_xlim(min(shown) - space, max(shown) + space)

    caption = (
        "Dots: one pair of processes each. Bar: the interval, with the estimate. Band: the margin; "
        "right of it the patched arm is faster."
    )
    return Chart("pairs", "Every pair, and the interval", caption, len(fast) + 2, draw)


def stage_chart(name: str, title: str, stages: Sequence[StageTime]) -> Chart:
    """Median seconds of each stage on both arms."""
    shown = sorted(stages, key=lambda stage: -stage.baseline_s)[:MOST_BARS]
    rows = [(stage.name, (stage.baseline_s, stage.patched_s)) for stage in shown]
    return bar_chart(name, title, "seconds, median over the timed processes", rows)


def memory_rows(table: SpeedTable) -> list[tuple[str, tuple[float | None, float | None]]]:
    """Memory of each model on both arms, where it was read."""
    patched = {row.model: row.avg_vram_mb for row in table.patched}
    return [
        (row.model, (row.avg_vram_mb, patched.get(row.model)))
        for row in table.baseline
        if row.avg_vram_mb is not None
    ]


def memory_chart(
    table: SpeedTable, rows: Sequence[tuple[str, tuple[float | None, float | None]]]
) -> Chart:
    """Peak memory of each model on both arms."""
    what = "growth of the process" if table.on_host else "peak on the device"
    return bar_chart("memory", "Memory", f"MiB, {what}", rows)


def bar_chart(
    name: str,
    title: str,
    label: str,
    rows: Sequence[tuple[str, tuple[float | None, float | None]]],
) -> Chart:
    """Two bars a row, one an arm, with their figures."""

    def draw(axes: Axes, palette: Palette) -> None:
        largest = max((value for _, pair in rows for value in pair if value), default=1.0)
        for index, (_, pair) in enumerate(rows):
            for arm, value in enumerate(pair):
                if value is None:
                    continue
                y = -index + 0.2 - 0.38 * arm
                colour = palette.patched if arm else palette.baseline
                axes.barh(y, value, height=0.34, color=colour)
                axes.text(
                    value + 0.01 * largest, y, f" {figure(value)}", va="center",
                    color=palette.ink, fontsize=FONT_PT - 1,
                )  # fmt: skip
        names = [wrapped(text) for text, _ in rows]
        axes.set_yticks([-index for index in range(len(rows))], names)
        axes.set_ylim(-len(rows) + 0.4, 0.6)
        axes.set_xlim(0, 1.18 * largest)
        axes.set_xlabel(label)

    return Chart(name, title, "Upper bar: baseline. Lower bar: patched.", 2 * len(rows), draw)


def life_chart(number: int, life: LifeRecord) -> Chart:
    """Seconds of each call of a model that lives on."""

    def draw(axes: Axes, palette: Palette) -> None:
        for arm, values in zip(ARMS, (life.baseline_s, life.patched_s), strict=True):
            colour = palette.patched if arm == "patched" else palette.baseline
            axes.plot(range(1, len(values) + 1), values, "o-", color=colour, label=arm,
                      linewidth=1.4, markersize=3)  # fmt: skip
        axes.set_ylim(0)
        axes.set_xlabel("call")
        axes.set_ylabel("seconds")
        axes.legend(frameon=False, labelcolor=palette.ink, loc="lower right")

    title = f"Time over a life: {life.model}" if life.model else "Time over a life"
    return Chart(f"life{number}", title, "Each dot is one call in one process.", 7, draw)


def figure(value: float) -> str:
    """A figure with three digits that mean something."""
    if value == 0 or abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.2f}" if abs(value) >= 1 else f"{value:.3f}"


def wrapped(text: str, width: int = 18) -> str:
    """A label on as many lines as it needs; matplotlib reads ``$`` as mathematics."""
    from textwrap import wrap

    return "\n".join(wrap(text.replace("$", r"\$"), width)) or text
