"""From the parameters that are searched over to those reported: thresholds, coefficients, sds, correlations."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from pluralign.stats.design import Coded, Design
from pluralign.stats.links import FloatArray

NO_VARIATION = 1e-3
"""A standard deviation that moves η by less than this on average counts as none."""

ONE_LINE = 0.9995
"""Random effects whose correlation is beyond this, either way, count as lying on one line."""


@dataclass(frozen=True, slots=True, eq=False)
class Natural:
    """Names, values, and derivatives by the searched parameters (reported, searched); ``n`` counts each kind.

    ``kinds`` has one of threshold, coef, random_sd, random_correlation per name; ``boundary`` names what lies on the
    edge of what is possible, where there is no standard error.
    """

    names: tuple[str, ...]
    kinds: tuple[str, ...]
    values: FloatArray
    jacobian: FloatArray
    boundary: tuple[str, ...]

    def of(self, kind: str) -> dict[str, float]:
        return {
            name: float(value)
            for name, own, value in zip(self.names, self.kinds, self.values, strict=True)
            if own == kind
        }


def natural(design: Design, parameters: FloatArray) -> Natural:
    """The reported parameters of a model at ``parameters``."""
    problem = design.problem
    m, alpha = problem.n_fixed, problem.n_alpha
    parted = [f"{low}|{high}" for low, high in pairwise(design.categories)]
    names = [*parted, *design.terms]
    kinds = ["threshold"] * len(parted) + ["coef"] * len(design.terms)
    head = np.zeros((len(names), len(parameters)))
    head[: len(parted), :alpha] = problem.jacobian
    head[len(parted) :, alpha:m] = np.eye(m - alpha)
    values, rows, boundary = [head @ parameters], [head], []
    sds, correlations = [], []
    start = m
    for group, root in zip(design.groups, problem.roots(parameters), strict=True):
        free = slice(start, start + len(group.free))
        sds.append(_sds(group, root, free, len(parameters)))
        correlations.append(_correlations(group, root, free, len(parameters)))
        start = free.stop
    for kind, blocks in (("random_sd", sds), ("random_correlation", correlations)):
        for block in blocks:
            names += block.names
            kinds += [kind] * len(block.names)
            values.append(block.values)
            rows.append(block.rows)
            boundary += block.boundary
    return Natural(tuple(names), tuple(kinds), np.concatenate(values), np.concatenate(rows), tuple(boundary))


@dataclass(frozen=True, slots=True, eq=False)
class _Block:
    names: list[str]
    values: FloatArray
    rows: FloatArray
    boundary: list[str]


def _sds(group: Coded, root: FloatArray, free: slice, n_parameters: int) -> _Block:
    """Standard deviations: the lengths of the rows of Λ, in the units of the slopes."""
    sd = np.sqrt((root**2).sum(axis=1))
    rows = np.zeros((len(sd), n_parameters))
    for at, (a, b) in enumerate(group.free, start=free.start):
        rows[a, at] = root[a, b] / sd[a] / group.sizes[a] if sd[a] > 0 else 0.0
    names = [group.label(k) for k in range(len(sd))]
    none = [name for name, value in zip(names, sd, strict=True) if value < NO_VARIATION]
    return _Block(names, sd / group.sizes, rows, none)


def _correlations(group: Coded, root: FloatArray, free: slice, n_parameters: int) -> _Block:
    """Correlations between the effects of one factor, for the pairs whose covariance is free."""
    pairs = [(a, b) for a, b in group.free if a != b]
    length = np.maximum(np.sqrt((root**2).sum(axis=1)), 1e-150)
    rows = np.zeros((len(pairs), n_parameters))
    values = np.zeros(len(pairs))
    names, boundary = [], []
    for i, (a, b) in enumerate(pairs):
        one, other = root[a] / length[a], root[b] / length[b]
        values[i] = one @ other
        for at, (row, column) in enumerate(group.free, start=free.start):
            if row == a:
                rows[i, at] += (other[column] - values[i] * one[column]) / length[a]
            if row == b:
                rows[i, at] += (one[column] - values[i] * other[column]) / length[b]
        names.append(f"{group.label(b)}, {group.label(a)}")
        if abs(values[i]) > ONE_LINE:
            boundary.append(names[-1])
    return _Block(names, values, rows, boundary)
