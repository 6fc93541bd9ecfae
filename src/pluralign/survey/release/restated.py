"""The study file of a release: the study as fielded, in the answers that the release has."""

from __future__ import annotations

from collections.abc import Sequence

from pluralign.study import Study
from pluralign.study.base import Text
from pluralign.study.instrument import Demographic, Option


def restate(study: Study, coarsened: Sequence[str]) -> Study:
    """The study with the merged answers of ``coarsened`` demographics among its options, and without a simulation.

    The original options stay: questions, quotas and experiments go on naming them.
    """
    changed = tuple(_coarse(each) if each.key in coarsened else each for each in study.demographics)
    content = study.model_dump(mode="json") | {
        "demographics": [each.model_dump(mode="json") for each in changed],
        "simulation": None,
    }
    return Study.model_validate(content)


def _coarse(demographic: Demographic) -> Demographic:
    added = tuple(
        Option(code=code, label=_joined(demographic, codes))
        for code, codes in demographic.merges.items()
        if code not in demographic.codes
    )
    merges = {code: tuple(dict.fromkeys((*codes, code))) for code, codes in demographic.merges.items()}
    change = {
        "options": (*demographic.options, *added),
        "merges": merges,
        "reference": demographic.merged_reference,
    }
    return demographic.model_copy(update=change)


def _joined(demographic: Demographic, codes: Sequence[str]) -> Text:
    """The labels of the answers that were merged, in every language."""
    labels = {option.code: option.label for option in demographic.options}
    languages = labels[codes[0]]
    return Text({language: " / ".join(labels[code][language] for code in codes) for language in languages})
