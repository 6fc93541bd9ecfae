"""A fit as text, HTML and LaTeX: coefficients, thresholds, random effects, what it rests on, and its warnings.

All three show the same numbers, rounded to the same digits.
"""

from __future__ import annotations

import html
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pluralign.stats.latex import cells, joined, spanning
from pluralign.stats.latex_layout import fits, text_width
from pluralign.stats.types import CONVERGED, ILL_CONDITIONED, ClmmFit

DIAGNOSTIC_COLUMNS = ("quantity", "value", "good")


@dataclass(frozen=True, slots=True)
class Section:
    """A titled table; the first column is text, the others numbers."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def diagnostics_table(fit: ClmmFit) -> pd.DataFrame:
    """One row per check, with the columns ``quantity, value, good``."""
    found = fit.diagnostics
    rows = [
        ("largest gradient", f"{found.gradient:.2g}", True),
        ("distance to the optimum in standard errors", f"{found.decrement:.2g}", found.decrement < CONVERGED),
        ("condition number of the Hessian", f"{found.condition:.2g}", found.condition < ILL_CONDITIONED),
        ("on the boundary", "; ".join(found.boundary) or "none", not found.boundary),
        ("separated", "; ".join(found.separated) or "none", not found.separated),
        ("evaluations of the likelihood", str(found.n_evaluations), True),
    ]
    return pd.DataFrame(rows, columns=list(DIAGNOSTIC_COLUMNS))


def to_text(fit: ClmmFit, level: float = 0.95) -> str:
    """The fit as lines of plain text."""
    parts = [f"{_kind(fit)}: {fit.formula}", _facts(fit)]
    for section in sections(fit, level):
        table = [section.header, *section.rows]
        widths = [max(len(row[j]) for row in table) for j in range(len(section.header))]
        lines = [
            "  ".join([row[0].ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True))])
            for row in table
        ]
        parts.append("\n".join([section.title, *(line.rstrip() for line in lines)]))
    if fit.warnings:
        parts.append("\n".join(["Warnings", *(f"- {warning}" for warning in fit.warnings)]))
    return "\n\n".join(parts) + "\n"


def to_html(fit: ClmmFit, level: float = 0.95) -> str:
    """The fit as an HTML fragment: one table per section, with captions and header cells."""
    parts = [f"<p>{html.escape(_kind(fit))}: <code>{html.escape(fit.formula)}</code></p>"]
    parts.append(f"<p>{html.escape(_facts(fit))}</p>")
    for section in sections(fit, level):
        head = "".join(f'<th scope="col">{html.escape(cell)}</th>' for cell in section.header)
        body = "\n".join(
            f'<tr><th scope="row">{html.escape(row[0])}</th>'
            + "".join(f"<td>{html.escape(cell)}</td>" for cell in row[1:])
            + "</tr>"
            for row in section.rows
        )
        parts.append(
            f"<table>\n<caption>{html.escape(section.title)}</caption>\n"
            f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>"
        )
    if fit.warnings:
        items = "\n".join(f"<li>{html.escape(warning)}</li>" for warning in fit.warnings)
        parts.append(f"<p>Warnings</p>\n<ul>\n{items}\n</ul>")
    return "\n".join(parts) + "\n"


def to_latex(fit: ClmmFit, level: float = 0.95) -> str:
    """The fit as one LaTeX tabular, which needs nothing but the package booktabs."""
    found = sections(fit, level)
    width = max(len(section.header) for section in found)
    lines = [rf"\begin{{tabular}}{{l{'r' * (width - 1)}}}", r"\toprule"]
    for i, section in enumerate(found):
        if i:
            lines.append(r"\midrule")
        lines += [cells(section.header, width), r"\midrule"]
        lines += [cells(row, width) for row in section.rows]
    lines.append(r"\midrule")
    notes = [_facts(fit), *fit.warnings]
    lines += [spanning(note, width) for note in notes]
    table = [row for section in found for row in (section.header, *section.rows)]
    small = not fits([max(text_width(row[j]) for row in table if j < len(row)) for j in range(width)])
    return joined([*lines, r"\bottomrule", r"\end{tabular}"], small=small)


def sections(fit: ClmmFit, level: float) -> list[Section]:
    """What all renderings show, as text in cells."""
    frame = fit.to_frame(level)
    percent = f"{100 * level:g} %"
    interval = (f"low {percent}", f"high {percent}")
    out = []
    coef = frame[frame["kind"] == "coef"]
    if len(coef):
        odds = fit.link == "logit"
        rows = []
        for row in coef.to_dict("records"):
            numbers = [float(row[name]) for name in ("estimate", "std_error", "low", "high")]
            ratio = [_ratio(numbers[0])] if odds else []
            rows.append((str(row["term"]), *map(_number, numbers), p_value(float(row["p"])), *ratio))
        header = ("Coefficient", "estimate", "std. error", *interval, "p", *(["odds ratio"] if odds else []))
        out.append(Section("Coefficients (positive: higher ratings)", header, tuple(rows)))
    for kind, title, name in (
        ("threshold", "Thresholds", "Threshold"),
        ("random_sd", "Standard deviations of random effects", "Random effect"),
        ("random_correlation", "Correlations of random effects", "Random effects"),
    ):
        own = frame[frame["kind"] == kind]
        if len(own):
            found = [
                (str(row["term"]), *(_number(float(row[key])) for key in ("estimate", "std_error", "low", "high")))
                for row in own.to_dict("records")
            ]
            out.append(Section(title, (name, "estimate", "std. error", *interval), tuple(found)))
    return out


def p_value(p: float) -> str:
    """A p value with three decimals, and no claim beyond them."""
    if np.isnan(p):
        return "–"
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def _kind(fit: ClmmFit) -> str:
    if not fit.n_levels:
        return "Cumulative link model"
    how = "Laplace approximation" if fit.nagq == 1 else f"quadrature with {fit.nagq} points"
    return f"Cumulative link mixed model ({how})"


def _facts(fit: ClmmFit) -> str:
    levels = "".join(f", {count:,} levels of {name}" for name, count in fit.n_levels.items())
    dropped = f" ({fit.n_dropped:,} rows dropped for missing values)" if fit.n_dropped else ""
    state = "converged" if fit.converged else "NOT CONVERGED"
    return (
        f"Link {fit.link}, {fit.threshold_structure} thresholds; {fit.n_ratings:,} ratings{dropped}{levels}; "
        f"log-likelihood {fit.log_likelihood:.2f}, AIC {fit.aic:.2f}; {state}."
    )


def _number(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.3f}"


def _ratio(estimate: float) -> str:
    with np.errstate(over="ignore"):
        return f"{np.exp(estimate):.3g}"
