"""The HTML page and the tables of a scan."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser
from typing import TYPE_CHECKING

from patcher.hazards.model import Hazard, Place
from patcher.hazards.summary import summarise
from patcher.hazards.traces import DynamicMap, SurveyedRun
from patcher.hazards.tree import scan_sources
from patcher.report.scan_page import page
from patcher.results.scanned import DraftedSpec, ScanResult, mapped_package, scanned_hazard

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SOURCE = b"def f(x):\n    x['<b>'][0] = '<script>'\n"
HAZARD = Hazard(
    "inplace-update",
    Place("m.py", 2, "f", "x['<b>'][0] = '<script>'"),
    "inference mode: decorator in make (m.py:1)",
    "turn",
    made=Place("m.py", 1, "make"),
    fires_when="`n > 2` (n = 3)",
    cases=("model / test",),
)


def run(act: str, count: int) -> SurveyedRun:
    """One model's survey: an update of a tensor made two lines up, and a wait."""
    answer = {
        "acts": ["open", act],
        "operators": 10,
        "places": [["m.py", 3, "g", "x += 1"], ["m.py", 1, "make", ""]],
        "scopes": [
            {"mode": "no_grad", "enabled": True, "decorator": True,
             "function": "make", "file": "m.py", "line": 1}
        ],
        "events": [
            {
                "kind": "inplace-update", "operator": "aten::add_", "at": 0, "made": 1,
                "scopes": [], "made_scopes": [0], "inference": False,
                "made_inference": False, "adopted": False,
                "on_inference_tensor": False, "shape": [2], "dtype": "float32",
                "acts": [act], "count": count,
            }
        ],
        "convolutions": [],
        "conversions": [],
        "mixed": [],
        "refusals": [],
        "watched": [],
        "failures": [],
        "synchronisations": [
            {"at": 0, "via": [], "facts": [["item"]], "count": count, "wall_s": 0.5,
             "acts": [act]}
        ],
    }  # fmt: skip
    return SurveyedRun.read(answer)


DYNAMIC = DynamicMap("key", {"one": run("a", 1), "two": run("b", 2)})


def scanned(
    sources: Mapping[str, bytes],
    hazards: Sequence[Hazard] | None = None,
    dynamic: DynamicMap | None = None,
) -> ScanResult:
    """A scan of one package ``m``, with a draft where hazards were predicted."""
    return ScanResult(
        [scanned_hazard(each, outside=False) for each in hazards or ()],
        hazards is not None,
        {"m": mapped_package(scan_sources(sources))} if sources else {},
        None if dynamic is None else summarise(dynamic),
        [DraftedSpec("d", "a: <b>")] if hazards else (),
    )


class Tags(HTMLParser):
    """Collects tags, and fails on what is left open."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.seen.add(tag)
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_a_page_is_whole_shows_the_hazard_and_escapes_every_value() -> None:
    text = page("scan", scanned({"m.py": SOURCE}, [HAZARD], DYNAMIC))
    tags = Tags()
    tags.feed(text)
    assert tags.open == []
    assert not tags.seen & {"script", "b", "link", "img"}
    assert "inplace-update at m.py:2" in text
    assert "<code>n &gt; 2</code> (n = 3)" in text
    assert "a: &lt;b&gt;" in text


def test_a_page_without_hazards_says_so_and_one_without_prediction_does_not() -> None:
    assert "Nothing seen" in page("scan", scanned({}, []))
    assert "Nothing seen" not in page("scan", scanned({}))


def test_the_next_step_names_the_patches_with_their_remedies() -> None:
    hazard = replace(HAZARD, remedy="turn_back")
    assert "<pre>patcher apply turn turn_back</pre>" in page("scan", scanned({}, [hazard]))


def test_what_matters_most_comes_first() -> None:
    few, many = b"def f(x):\n    x[0] = 1\n", b"def f(x):\n    x[0] = 1\n    x[1] = 1\n"
    text = page("scan", scanned({"a.py": few, "b.py": many}, [HAZARD], DYNAMIC))
    places = [
        text.index(part) for part in ("inplace-update at", "In-place updates", "b.py<", "a.py<")
    ]
    assert places == sorted(places)


def test_rows_of_several_models_are_merged_by_line() -> None:
    actual = summarise(DYNAMIC)
    (update,) = actual.updates
    assert (update.where, update.line, update.count) == ("m.py", 3, 3)
    assert update.created_at == "m.py:1 make"
    assert update.made_under == ["no_grad in make (m.py:1)"]
    assert update.cases == ["one / a", "two / b"]
    (wait,) = actual.synchronisations
    assert (wait.count, wait.wall_s, wait.operator) == (3, 1.0, ["item"])
    assert (actual.operators, actual.cases) == (20, ["one / a", "two / b"])
