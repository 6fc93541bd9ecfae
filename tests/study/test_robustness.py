"""Whatever stands in a study file, the answer is a study or a ConfigError that can be printed."""

from __future__ import annotations

from typing import Any

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pluralign.errors import ConfigError
from pluralign.study import Study, parse
from tests.study.small import SMALL

QUICK = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def outcome(text: str) -> Study | None:
    """The study, or None after an error that can be printed and begins with the place."""
    try:
        return parse(text)
    except ConfigError as error:
        message = str(error)
        message.encode("utf-8")
        assert all(line.startswith("study.yaml") for line in message.split("\n"))
        return None


@QUICK
@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    outcome(text)


@QUICK
@given(st.text(alphabet="ab01:-[]{}'\"\n #&*!|>?%@,\\\t", max_size=60))
def test_anything_like_yaml_is_read_or_refused(text: str) -> None:
    outcome(text)


@QUICK
@given(VALUES)
def test_any_data_is_read_or_refused(value: object) -> None:
    outcome(yaml.safe_dump(value, allow_unicode=True))


@QUICK
@given(st.data())
def test_a_study_with_any_part_put_in_the_place_of_another_is_read_or_refused(data: st.DataObject) -> None:
    study = yaml.load(SMALL, Loader=yaml.BaseLoader)
    node = study
    while True:
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        key = data.draw(st.sampled_from(keys))
        if not node[key] or not isinstance(node[key], dict | list) or data.draw(st.booleans()):
            break
        node = node[key]
    if isinstance(node, dict):
        node[data.draw(st.text(max_size=5))] = node[key]
    node[key] = data.draw(VALUES)
    outcome(yaml.safe_dump(study))


@QUICK
@given(st.integers(0, len(SMALL)), st.integers(0, len(SMALL)), st.text(max_size=6))
def test_a_study_with_any_stretch_replaced_is_read_or_refused(start: int, length: int, put: str) -> None:
    outcome(SMALL[:start] + put + SMALL[start + length % 40 :])


def test_the_unchanged_study_is_read() -> None:
    assert outcome(SMALL) is not None
