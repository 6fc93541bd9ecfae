"""Templates are whole studies in all their languages, and study folders begin with them."""

from __future__ import annotations

import errno
import json
import re
from pathlib import Path
from typing import Any

import pytest

from pluralign.errors import ConfigError, PluralignError
from pluralign.study import TEMPLATES, Study, create, json_schema, load, parse, template_text
from pluralign.study.checks import texts_of


@pytest.fixture(scope="module")
def gender_values() -> Study:
    return parse(template_text("gender-values"))


@pytest.mark.parametrize("template", TEMPLATES)
def test_every_text_of_a_template_is_there_in_every_language(template: str) -> None:
    study = parse(template_text(template))
    texts = list(texts_of(study))
    assert len(texts) > 10
    for path, text in texts:
        assert tuple(text) == study.languages, path


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_template_survives_being_written_as_json(template: str) -> None:
    study = parse(template_text(template))
    assert Study.model_validate_json(study.model_dump_json()) == study


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_template_can_be_simulated_and_tuned(template: str) -> None:
    study = parse(template_text(template))
    assert study.simulation is not None
    assert study.experiments
    assert len(study.contexts) >= 2


def test_codes_of_the_gender_study_stay_as_stored(gender_values: Study) -> None:
    stored = {demographic.key: demographic.codes for demographic in gender_values.demographics}
    assert stored == {
        "country": ("us", "de", "other"),
        "age": ("18-30", "31-40", "41-50", "51-60", "60+"),
        "gender": ("she", "he", "they", "no_pronouns", "other"),
        "ethnicity": ("white", "black", "asian", "mixed", "hispanic", "mena", "aian", "nhpi", "other"),
        "political_spectrum": ("liberal", "rather_liberal", "centre", "rather_conservative", "conservative"),
        "party": (
            *("us_dem", "us_rep", "de_cdu_csu", "de_afd", "de_spd", "de_gruene", "de_linke", "de_bsw", "de_fdp"),
            *("de_tier", "de_piraten", "other", "none", "not_eligible"),
        ),
    }
    assert gender_values.context_keys == ("none", "republican_voter", "patriarchy", "empathetic", "equality")
    assert gender_values.dimension_keys == (
        *("stereotypical_bias", "toxicity", "emotional_awareness", "sensitivity", "helpfulness"),
    )


def test_published_groups_and_references_are_those_of_the_gender_study(gender_values: Study) -> None:
    references = {demographic.key: demographic.merged_reference for demographic in gender_values.demographics}
    assert references["political_spectrum"] == "liberal"
    assert references["ethnicity"] == "white"
    assert references["country"] == "us"
    assert references["age"] == "18-30"
    assert references["gender"] == "she"
    assert gender_values.analysis.merges == ("political_spectrum",)


def test_margins_of_the_gender_study_count_every_rater(gender_values: Study) -> None:
    assert gender_values.simulation is not None
    for demographic, counts in gender_values.simulation.margins.items():
        assert sum(counts.values()) == gender_values.simulation.raters == 1095, demographic


def test_planted_effects_are_equal_within_merged_groups(gender_values: Study) -> None:
    """Otherwise the merged analysis could not recover them."""
    assert gender_values.simulation is not None
    planted = 0
    for effects in gender_values.simulation.effects.values():
        for key, by_code in effects.items():
            by_group: dict[str, set[float]] = {}
            for code, group in gender_values.demographic(key).merged.items():
                by_group.setdefault(group, set()).add(by_code.get(code, 0.0))
            assert all(len(values) == 1 for values in by_group.values()), key
            planted += sum(values != {0.0} for values in by_group.values())
    assert planted == 7


def test_consent_names_the_sensitive_data(gender_values: Study) -> None:
    texts = {part.key: part.text for part in gender_values.texts.consent}
    assert {"ethnic origin", "political opinion"} <= set(
        re.findall("ethnic origin|political opinion", texts["sensitive_data"]["en"])
    )
    assert "ethnische Herkunft" in texts["sensitive_data"]["de"]
    assert "politische Meinung" in texts["sensitive_data"]["de"]


def test_there_is_help_in_both_countries(gender_values: Study) -> None:
    lines = {(line.country, line.contact) for line in gender_values.texts.help_lines}
    assert lines == {("us", "988"), ("us", "1-800-799-7233"), ("de", "0800 111 0 111"), ("de", "116 016")}


def test_german_texts_say_du_and_do_not_mistake_helpfulness_for_willingness_to_help(gender_values: Study) -> None:
    for path, text in texts_of(gender_values):
        assert not re.search(
            r"\b(Ihnen|Ihr|Ihre[mnrs]?)\b|\w [^.!?:„]*\bSie (?=können|haben|bitte)|Hilfsbereit", text["de"]
        ), path


def test_a_new_study_folder_holds_a_study_its_schema_and_a_readme(tmp_path: Path) -> None:
    study_file = create(tmp_path / "new", "gender-values")
    made = sorted(path.name for path in study_file.parent.iterdir())
    assert made == [".gitignore", "README.md", "study.schema.json", "study.yaml"]
    assert study_file.read_text(encoding="utf-8").startswith("# yaml-language-server: $schema=study.schema.json\n")
    assert load(study_file) == parse(template_text("gender-values"))
    assert json.loads((tmp_path / "new" / "study.schema.json").read_text(encoding="utf-8")) == json_schema()
    assert "pluralign run" in (tmp_path / "new" / "README.md").read_text(encoding="utf-8")


def test_a_folder_with_a_study_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text("mine", encoding="utf-8")
    with pytest.raises(ConfigError, match="holds a study already"):
        create(tmp_path, "minimal")
    assert [path.read_text(encoding="utf-8") for path in tmp_path.iterdir()] == ["mine"]


def test_a_readme_that_is_there_is_kept(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine", encoding="utf-8")
    create(tmp_path, "minimal")
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize("stop", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_a_folder_whose_making_was_cut_short_is_made_by_calling_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: BaseException
) -> None:
    rename = Path.replace

    def cut_short(path: Path, target: Path) -> Path:
        if target.name == "study.yaml":
            raise stop
        return rename(path, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", cut_short)
        with pytest.raises((PluralignError, KeyboardInterrupt)) as caught:
            create(tmp_path, "minimal")
    assert "No space left on device" in str(caught.value) or isinstance(stop, KeyboardInterrupt)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".gitignore", "README.md", "study.schema.json"]
    assert load(create(tmp_path, "minimal")).name == "minimal"


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(ConfigError, match="is a file"):
        create(tmp_path / "file", "minimal")


def test_an_unknown_template_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="allowed: gender-values, minimal"):
        create(tmp_path / "new", "gender")
    assert not (tmp_path / "new").exists()


def parts(schema: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {"Study": schema, **schema["$defs"]}


def test_the_schema_explains_every_key_and_refuses_unknown_ones() -> None:
    all_parts = parts(json_schema())
    found = {name: part for name, part in all_parts.items() if "properties" in part}
    assert {"Study", "Dimension", "Condition", "Simulation"} <= set(found)
    for name, part in found.items():
        assert part["additionalProperties"] is False, name
        for key, field in part["properties"].items():
            # A field that is described in the same words as its part leaves the words to the part.
            referred = all_parts.get(field.get("$ref", "").removeprefix("#/$defs/"), {})
            assert field.get("description") or referred.get("description"), f"{name}.{key}"


def test_the_schema_knows_what_is_allowed_and_what_must_be_given() -> None:
    dimension = parts(json_schema())["Dimension"]
    assert dimension["properties"]["desirable"]["enum"] == ["high", "low"]
    assert dimension["required"] == ["key", "desirable", "label", "statement", "definition"]
