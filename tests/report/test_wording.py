"""Both languages say the same things."""

from __future__ import annotations

import re
from pathlib import Path

import pluralign.report
from pluralign.report.wording import wording

_GAP = re.compile(r"\{(\w+)\}")


def test_both_languages_have_the_same_texts_with_the_same_gaps() -> None:
    english, german = wording("en").texts, wording("de").texts
    assert english.keys() == german.keys()
    for key, text in english.items():
        assert set(_GAP.findall(text)) == set(_GAP.findall(german[key])), key
        assert text.strip(), key
        assert german[key].strip(), key


def test_every_text_named_in_the_code_exists_and_every_text_is_used() -> None:
    folder = Path(pluralign.report.__file__).parent
    code = "".join(path.read_text(encoding="utf-8") for path in (*folder.glob("*.py"), *folder.glob("templates/*.j2")))
    texts = wording("en").texts
    named = set(re.findall(r"""say\(\s*["']([\w.-]+)["']""", code))
    assert named <= texts.keys()
    # A key may be put together from parts: the group it is in, or its last part, then stands in the code.
    parts = {key: [key.rpartition(".")[0], key.rpartition(".")[2]] for key in texts}
    unused = [key for key, both in parts.items() if not any(part and part in code for part in both)]
    assert not unused


def test_variants_of_a_language_read_its_texts_and_other_languages_english() -> None:
    assert wording("de-AT").language == "de"
    assert wording("fr").language == "en"


def test_gaps_are_filled() -> None:
    assert wording("en")("people.between", least="2", most="3") == "2 to 3"
