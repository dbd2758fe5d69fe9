"""The tour's links point at what they name; every term of the glossary stands there once."""

from __future__ import annotations

import re

import pytest

from docs.render_tour import LINK, PAGE, line_of, render
from tests.conftest import REPOSITORY


def test_every_link_of_the_tour_is_on_the_line_it_names() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert len(LINK.findall(text)) > 20
    assert render(text, REPOSITORY) == text, "run `make docs`"


def test_the_tour_fits_on_a_screen() -> None:
    assert len(PAGE.read_text(encoding="utf-8").splitlines()) <= 40


def test_a_name_that_is_gone_is_told() -> None:
    with pytest.raises(LookupError, match="does not define nothing"):
        line_of("nothing", REPOSITORY / "patcher" / "errors.py")


def test_the_glossary_explains_each_term_once() -> None:
    text = (REPOSITORY / "docs" / "glossary.md").read_text(encoding="utf-8")
    terms = re.findall(r"^\| (?!term|---)([^|]+) \|", text, re.MULTILINE)
    assert len(terms) == len(set(terms)) >= 40
