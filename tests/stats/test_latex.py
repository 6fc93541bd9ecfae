"""Tables that paste into LaTeX: what they hold, and that they compile."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pluralign.stats import anova, clm, clmm, frame_to_latex
from pluralign.stats.latex import escape
from pluralign.stats.summary import summary, summary_latex
from tests.stats.cases import SMALL_FORMULA, small

AWKWARD = r"50 % & more_or #less ~ {a} \b ^c $d$ <e> |f| [g] *h* “Größe” ≥ ≤ β Ω × − ± … 'i' `j` \"k\" ²"


def coefficients(**changes: object) -> pd.DataFrame:
    """A table of coefficients with the columns that the summary reads."""
    row = {
        "dimension": ["toxicity", "toxicity", "helpfulness", "helpfulness"],
        "dimension_label": ["Toxizität", "Toxizität", "Wie hilfreich", "Wie hilfreich"],
        "demographic_label": ["Gender & more", "Age", "Age", "Age"],
        "level_label": ["he_him", "51 bis 60", "51 bis 60", "über 60"],
        "reference_label": ["she_her", "18 bis 30", "18 bis 30", "18 bis 30"],
        "estimate": [-0.2, 0.1, -0.5, 9.0],
        "percent": [-18.1, 10.5, -39.3, 8102.0],
        "percent_low": [-30.0, -4.0, -50.0, 0.0],
        "percent_high": [-5.0, 25.0, -20.0, 9e9],
        "p": [0.002, 0.2, 0.0001, 0.0001],
        "p_holm": [0.06, 0.2, 0.0002, 0.0002],
        "note": ["", "", "", "no finite estimate"],
    }
    return pd.DataFrame(row | changes)


def compiled(tmp_path: Path, *tables: str, packages: str = "") -> str:
    """The log of pdfLaTeX on a page with these tables, which must end without an error or an unknown character."""
    if shutil.which("pdflatex") is None:
        pytest.skip("pdfLaTeX is not installed: nothing was compiled (Debian: texlive-latex-recommended)")
    page = "\n\n".join(rf"\noindent {table}" for table in tables)
    (tmp_path / "page.tex").write_text(
        "\\documentclass[a4paper]{article}\n\\usepackage{booktabs}\n"
        + packages
        + "\\begin{document}\n"
        + page
        + "\n\\end{document}\n",
        encoding="utf-8",
    )
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "page.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=60, check=False)
    log = (tmp_path / "page.log").read_text(encoding="latin-1")
    assert done.returncode == 0, log[-2000:]
    assert "Missing character" not in log
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")
    return log


def test_fits_comparisons_and_summaries_compile(tmp_path: Path) -> None:
    table = small().assign(group=lambda found: found["group"].replace({"b": "b & 100 % über_50"}))
    larger = clmm(SMALL_FORMULA, table)
    smaller = clmm("rating ~ dose + (1 | rater) + (1 | item)", table)
    found = coefficients()
    log = compiled(
        tmp_path,
        larger.to_latex(),
        clmm("rating ~ group + dose + (1 + dose | rater)", table).to_latex(),
        frame_to_latex(anova(smaller, larger)),
        frame_to_latex(larger.odds()),
        frame_to_latex(larger.pairwise("group")),
        summary_latex(summary(found), "de"),
    )
    widths = [float(width) for width in re.findall(r"Overfull \\hbox \(([\d.]+)pt too wide\)", log)]
    assert max(widths, default=0) < 60  # points, of 345 in a line: still within the margin


@pytest.mark.parametrize("packages", ["", "\\usepackage[ngerman]{babel}\n"])
def test_awkward_labels_compile(tmp_path: Path, packages: str) -> None:
    if packages and not shutil.which("kpsewhich"):
        pytest.skip("kpsewhich is not installed, so it is not known whether there is babel-german")
    if packages and subprocess.run(["kpsewhich", "ngerman.ldf"], capture_output=True, check=False).returncode:
        pytest.skip("babel has no German here (Debian: texlive-lang-german)")
    rows = pd.DataFrame({"label": [AWKWARD, "*star first*", "[bracket first]"], "value": [-0.5, np.nan, 1.25]})
    compiled(tmp_path, frame_to_latex(rows, notes=[AWKWARD]), packages=packages)


def test_special_characters_are_escaped_and_letters_kept() -> None:
    assert escape("5 % of a_b & #1") == r"5 \% of a\_b \& \#1"
    assert escape("Größe ≥ β") == r"Größe $\geq$ $\beta$"
    assert escape("~\\") == r"$\sim$\textbackslash{}"
    assert escape("αωςΓΩ") == r"$\alpha$$\omega$ς$\Gamma$$\Omega$"


def test_numbers_below_zero_have_a_minus_and_missing_ones_a_dash() -> None:
    text = frame_to_latex(pd.DataFrame({"term": ["a", "b"], "estimate": [-0.25, np.nan], "n_raters": [3, 4]}), digits=2)
    assert text.splitlines()[:6] == [
        r"\begin{tabular}{lrr}",
        r"\toprule",
        r"term & estimate & n raters \\",
        r"\midrule",
        r"a & $-$0.25 & 3 \\",
        r"b & -- & 4 \\",
    ]
    fit = clm("rating ~ group + dose", small())
    assert f"$-${abs(fit.coef['group[T.c]']):.3f}" in fit.to_latex()


def test_the_summary_has_direction_and_stars_and_leaves_out_what_may_not_be_used() -> None:
    found = summary(coefficients())
    assert found[["dimension", "direction", "stars", "stars_holm"]].to_numpy().tolist() == [
        ["toxicity", "lower", "**", ""],
        ["helpfulness", "lower", "***", "***"],
    ]
    text = summary_latex(found, "de")
    assert r"Toxizität & he\_him & she\_her & $-$18,1 \% & {*}{*} &  \\" in text
    assert r"Wie hilfreich & 51 bis 60 & 18 bis 30 & $-$39,3 \% & {*}{*}{*} & {*}{*}{*} \\" in text


def test_a_summary_without_findings_is_a_table_without_rows(tmp_path: Path) -> None:
    nothing = summary(coefficients(p=[0.9] * 4))
    assert nothing.empty
    compiled(tmp_path, summary_latex(nothing))


def wide(n_columns: int) -> pd.DataFrame:
    """Four rows known by two columns of text, a third that repeats the first, and numbers with long names."""
    found = pd.DataFrame(
        {
            "dimension": ["toxicity", "toxicity", "help", "help"],
            "dimension_label": ["Toxicity", "Toxicity", "Help", "Help"],
            "term": ["gender[T.he]", "age[T.old]"] * 2,
        }
    )
    numbers = {f"lower_bound_of_effect_{n}": [-0.25, 1.5, 10.0, np.nan] for n in range(n_columns)}
    return found.assign(**numbers, remark=["few raters", "", "no finite estimate, so that it must not be used", ""])


@pytest.mark.parametrize("n_columns", [2, 8, 40])
def test_a_table_of_any_width_stays_on_the_page(tmp_path: Path, n_columns: int) -> None:
    log = compiled(tmp_path, frame_to_latex(wide(n_columns), digits=2, notes=["Of invented raters."]))
    widths = [float(width) for width in re.findall(r"Overfull \\hbox \(([\d.]+)pt too wide\)", log)]
    assert max(widths, default=0) < 12


def test_long_names_are_broken_into_lines_before_a_table_is_divided(tmp_path: Path) -> None:
    levels = ["Rather conservative / Conservative", "White", "Middle Eastern", "African"]
    found = coefficients(level_label=levels, reference_label=["Liberal / Rather liberal"] * 4)
    text = summary_latex(summary(found))
    assert text.count(r"\begin{tabular}") == 1
    assert "Overfull" not in compiled(tmp_path, text)


def test_every_part_of_a_divided_table_says_what_its_rows_are_about() -> None:
    text = frame_to_latex(wide(40), notes=["Of invented raters."])
    parts = text.split(r"\end{tabular}")[:-1]
    assert len(parts) > 2
    for part in parts:
        assert re.search(r"^dimension & term & ", part, re.MULTILINE)
        assert part.count("{[}T.he{]}") == 2
    assert text.count(r"lower\\bound") == 40
    assert [part.count("Of invented raters.") for part in parts] == [0] * (len(parts) - 1) + [1]
