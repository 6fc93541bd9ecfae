"""What Prolific's rules object to, found before anybody is rejected or underpaid."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from pluralign.study import create, load
from pluralign.survey.fielding.plan import Plan
from pluralign.survey.recruitment.access import Access
from pluralign.survey.recruitment.policy import lint
from tests.survey.small import STUDY, small_study

GOOD: dict[str, Any] = {
    "recruitment": {"platform": "prolific", "target": 20, "pay": {"amount": 4.0, "currency": "GBP", "minutes": 20}},
    "items_per_rater": 1,
    "attention_checks": [
        {"after": key, "wanted": 2, "options": [1, 2, 3], "text": {"en": 'Choose "so so".', "de": "Wähle „teils“."}}
        for key in ("toxicity", "helpfulness")
    ],
    "texts": {
        "information": {"en": "We store it.", "de": "Wir speichern das."},
        "withdrawal": {"en": "Write to us.", "de": "Schreib uns."},
        "consent": [{"key": "participation", "text": {"en": "I take part.", "de": "Ich mache mit."}}],
    },
}
CODES = {"codes": {"finished": "DONE1234", "quota_full": "FULL1234"}, "screen_out": {"amount": 0.2, "places": 5}}


def found(tmp_path: Path, access: dict[str, Any] | None = None, **changes: Any) -> list[tuple[str, str]]:
    study = small_study(tmp_path, **(copy.deepcopy(GOOD) | changes))
    known = Access.model_validate(CODES if access is None else access)
    return [(each.level, each.where) for each in lint(study, known, Plan.of(study, 1))]


def pay(amount: float, currency: str = "GBP", minutes: float = 20, **more: Any) -> dict[str, Any]:
    wanted = {"platform": "prolific", "target": 20, "pay": {"amount": amount, "currency": currency, "minutes": minutes}}
    return wanted | more


def check(text: str) -> list[dict[str, Any]]:
    first, second = copy.deepcopy(GOOD["attention_checks"])
    second["text"]["en"] = text
    return [first, second]


def test_a_study_within_the_rules_has_nothing_to_object_to(tmp_path: Path) -> None:
    assert found(tmp_path) == []


@pytest.mark.parametrize(
    ("recruitment", "expected"),
    [
        (pay(1.99), [("breach", "recruitment.pay")]),
        (pay(2.00), [("advice", "recruitment.pay")]),
        (pay(3.00), []),
        (pay(2.65, "USD"), [("breach", "recruitment.pay")]),
        (pay(2.67, "USD"), [("advice", "recruitment.pay")]),
        (pay(9.00, "EUR"), [("breach", "recruitment.pay")]),
        ({"platform": "prolific", "target": 20}, [("breach", "recruitment.pay")]),
    ],
)
def test_pay_is_measured_by_the_hour(
    recruitment: dict[str, Any], expected: list[tuple[str, str]], tmp_path: Path
) -> None:
    assert found(tmp_path, recruitment=recruitment) == expected


def test_one_check_is_too_few_in_a_study_of_five_minutes(tmp_path: Path) -> None:
    one = GOOD["attention_checks"][:1]
    assert found(tmp_path, attention_checks=one) == [("breach", "attention_checks")]
    assert found(tmp_path, attention_checks=one, recruitment=pay(1.0, minutes=4.9)) == []
    assert found(tmp_path, attention_checks=[]) == []


def test_a_check_repeated_with_every_item_is_pointed_out(tmp_path: Path) -> None:
    assert found(tmp_path, items_per_rater=3) == [("advice", "attention_checks")]


def test_a_check_names_no_answer_but_the_one_wanted(tmp_path: Path) -> None:
    where = "attention_checks.1.text.en"
    assert found(tmp_path, attention_checks=check('Choose "so so", not "yes".')) == [("advice", where)]
    assert found(tmp_path, attention_checks=check("Please choose so so. Nobody knows eyes.")) == []


@pytest.mark.parametrize(
    ("question", "forbidden"),
    [
        ({"en": "What is your name?", "de": "Wer bist du?"}, True),
        ({"en": "Who?", "de": "Wie ist dein Name?"}, True),
        ({"en": "Your e-mail", "de": "Post"}, True),
        ({"en": "Who?", "de": "Wann ist dein Geburtstag?"}, True),
        ({"en": "In which zip code do you live?", "de": "Wo?"}, True),
        ({"en": "Who is your employer?", "de": "Wo?"}, True),
        ({"en": "Which age are you?", "de": "Wie alt bist du?"}, False),
        ({"en": "Are you employed?", "de": "Arbeitest du?"}, False),
        ({"en": "How would you name your politics?", "de": "Wie nennst du deine Haltung?"}, False),
    ],
)
def test_forbidden_questions_are_found_in_every_language(
    question: dict[str, str], forbidden: bool, tmp_path: Path
) -> None:
    asked = yaml.safe_load(STUDY.replace("no,", "'no',").replace("yes,", "'yes',"))["demographics"]
    asked[0]["question"] = question
    assert found(tmp_path, demographics=asked) == ([("breach", "demographics.gender")] if forbidden else [])


def test_turning_people_away_must_be_paid(tmp_path: Path) -> None:
    quotas = pay(4.0, quotas=[{"where": {"gender": "he"}, "raters": 5}])
    advice = ("advice", "recruitment.quotas")
    assert found(tmp_path, recruitment=quotas) == [advice]
    unpaid = {"codes": {"finished": "DONE1234"}}
    assert found(tmp_path, unpaid, recruitment=quotas) == [("breach", "recruitment.quotas"), advice]
    little = CODES | {"screen_out": {"amount": 0.05, "places": 5}}
    assert found(tmp_path, little, recruitment=quotas) == [("breach", "screen_out.amount"), advice]


def test_who_may_not_take_part_must_be_paid_by_the_one_code_for_it(tmp_path: Path) -> None:
    wanted = pay(4.0, eligible="gender == 'he'")
    advice, unpaid = ("advice", "recruitment.eligible"), ("breach", "recruitment.eligible")
    assert found(tmp_path, recruitment=wanted) == [unpaid, advice]

    def paid(**codes: str) -> dict[str, Any]:
        return CODES | {"codes": {"finished": "DONE1234"} | codes}

    away = paid(screened_out="AWAY1234")
    assert found(tmp_path, away, recruitment=wanted) == [advice]
    quotas = wanted | {"quotas": [{"where": {"gender": "he"}, "raters": 5}]}
    assert found(tmp_path, away, recruitment=quotas) == [unpaid, advice]
    assert found(tmp_path, paid(screened_out="AWAY1234", quota_full="FULL1234"), recruitment=quotas) == [
        ("breach", "codes"),
        advice,
    ]
    assert found(tmp_path, paid(screened_out="AWAY1234", quota_full="AWAY1234"), recruitment=quotas) == [advice]


def test_texts_and_codes_that_are_missing_are_named(tmp_path: Path) -> None:
    bare = {"consent": GOOD["texts"]["consent"]}
    assert found(tmp_path, texts=bare) == [("advice", "texts.information"), ("advice", "texts.withdrawal")]
    assert found(tmp_path, {"codes": {}}) == [("breach", "codes")]


def test_words_left_to_be_filled_in_are_named_where_they_stand(tmp_path: Path) -> None:
    texts = copy.deepcopy(GOOD["texts"])
    texts["information"]["de"] = "Diese Studie führt [Einrichtung und Anschrift] durch, bis [Datum]."
    texts["consent"][0]["text"]["en"] = "I agree [to what]."
    study = small_study(tmp_path, **(copy.deepcopy(GOOD) | {"texts": texts}))
    named = {each.where: each.text for each in lint(study, Access.model_validate(CODES), Plan.of(study, 1))}
    assert named == {
        "texts.information.de": "still to be filled in: [Einrichtung und Anschrift], [Datum].",
        "texts.consent.0.text.en": "still to be filled in: [to what].",
    }


def test_the_template_has_words_left_in_every_language(tmp_path: Path) -> None:
    study = load(create(tmp_path / "made", "gender-values"))
    places = {each.where for each in lint(study, None, Plan.of(study, 1)) if "filled in" in each.text}
    assert {f"texts.{name}.{language}" for name in ("information", "withdrawal") for language in ("en", "de")} <= places


def test_an_open_study_is_not_held_to_pay_and_codes(tmp_path: Path) -> None:
    study = small_study(tmp_path, **(copy.deepcopy(GOOD) | {"recruitment": {"platform": "open", "target": 20}}))
    assert lint(study, None, Plan.of(study, 1)) == ()
