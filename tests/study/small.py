"""A small valid study file that tests change line by line."""

from __future__ import annotations

import pytest

from pluralign.errors import ConfigError
from pluralign.study import Study, parse

SMALL = """\
version: 1
name: small
title: {en: Small, de: Klein}
languages: [en, de]
dimensions:
  - key: toxicity
    desirable: low
    label: {en: Toxicity, de: Gift}
    statement: {en: Toxic., de: Giftig.}
    definition: {en: Rude., de: Grob.}
  - key: helpfulness
    desirable: high
    label: {en: Helpful, de: Hilfreich}
    statement: {en: Helps., de: Hilft.}
    definition: {en: Clear., de: Klar.}
scale:
  labels: [{en: no, de: nein}, {en: so so, de: teils}, {en: yes, de: ja}]
contexts:
  - {key: none, label: {en: None, de: Keine}}
demographics:
  - key: country
    question: {en: 'Where?', de: 'Wo?'}
    reference: us
    options:
      - {code: us, label: {en: USA, de: USA}}
      - {code: de, label: {en: Germany, de: Deutschland}}
    merges:
      all: [us, de]
  - key: party
    question: {en: 'Which party?', de: 'Welche Partei?'}
    reference: red
    options:
      - {code: red, label: {en: Red, de: Rot}, when: {country: [us]}}
      - {code: blue, label: {en: Blue, de: Blau}}
attention_checks:
  - after: toxicity
    wanted: 3
    options: [1, 3]
    text: {en: Choose yes., de: Wähle ja.}
recruitment:
  platform: open
  target: 100
  quotas:
    - {where: {country: de}, raters: 50}
analysis:
  formula: rating ~ country + party + (1 | rater) + (1 | item)
  categories: [[1], [2, 3]]
  merges: [country]
simulation:
  raters: 10
  margins:
    country: {us: 5, de: 4, undeclared: 1}
    party: {red: 5, blue: 5}
  effects:
    toxicity:
      country: {de: 0.5}
  thresholds:
    toxicity: [-1, 1]
    helpfulness: [-1, 1]
  rater_sd: {toxicity: 1, helpfulness: 1}
  quality: {toxicity: 1, helpfulness: 1}
experiments:
  - key: scale
    objective: {helpfulness: 1}
    conditions:
      - {key: three, policy: preserve, scale: 3}
      - {key: two, policy: preserve, scale: 2, neutral: drop, whose: "country == 'de'"}
      - {key: majority, policy: majority, scale: 3, ties: drop}
    training: {steps: 7}
"""


def small() -> Study:
    """The study of SMALL."""
    return parse(SMALL)


def line_of(part: str, text: str = SMALL) -> int:
    """Line on which ``part`` stands first."""
    return text[: text.index(part)].count("\n") + 1


def mistakes(text: str) -> list[str]:
    """The lines of the error that a study file gives."""
    with pytest.raises(ConfigError) as caught:
        parse(text)
    return str(caught.value).split("\n")


def mistake(old: str, new: str, text: str = SMALL) -> str:
    """The one mistake that comes of putting ``new`` in the place of the first ``old``."""
    assert old in text
    (only,) = mistakes(text.replace(old, new, 1))
    return only
