"""Mistakes that show only when the parts of a study are seen together."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from pluralign.study import Study
from pluralign.study.checks import texts_of
from tests.study.small import SMALL, line_of, mistake, mistakes, small

# What is changed, to what, and what is then said.
MISTAKES = [
    (", de: Klein", "", 'title has no text in "de", a language of this study; add it.'),
    (
        "de: Gift}",
        "fr: Toxique, de: Gift}",
        "dimensions[0].label.fr is in a language that is not listed; languages: en, de",
    ),
    ("languages: [en, de]", "languages: [en, de, en]", 'languages[2] is "en" a second time'),
    ("key: helpfulness", "key: toxicity", 'dimensions[1].key is "toxicity" a second time'),
    ("key: party", "key: country", 'demographics[1].key is "country" a second time'),
    ("key: party", "key: rater", 'demographics[1].key is "rater", a word with a meaning of its own'),
    ("code: blue", "code: red", 'demographics[1].options[1].code is "red" a second time'),
    ("code: blue", "code: undeclared", 'code is "undeclared", which is always offered; leave this option out.'),
    ("reference: us", "reference: uk", 'demographics[0].reference is "uk"; allowed: us, de.'),
    ("all: [us, de]", "all: [us, fr]", 'demographics[0].merges.all[1] is "fr"; allowed: us, de.'),
    ("all: [us, de]", "all: [us, us]", 'merges.all[1] is "us", which is merged into all already.'),
    ("all: [us, de]", "de: [us]", "demographics[0].merges.de is also an option that is not merged into it"),
    ("all: [us, de]", "all: []", "demographics[0].merges.all merges nothing"),
    ("when: {country: [us]}", "when: {country: [uk]}", 'options[0].when.country.uk is "uk"; allowed: us, de.'),
    ("when: {country: [us]}", "when: {party: [blue]}", 'options[0].when.party is "party"; allowed: country.'),
    ("after: toxicity", "after: toxic", 'attention_checks[0].after is "toxic"; did you mean "toxicity"?'),
    ("options: [1, 3]", "options: [3, 4]", "attention_checks[0].options[1] is 4, outside the scale 1 to 3."),
    ("options: [1, 3]", "options: [3, 3]", "attention_checks[0].options[1] is 3 a second time"),
    ("options: [1, 3]", "options: [1, 2]", "attention_checks[0].wanted is 3; allowed: 1, 2."),
    ("en: Choose yes.", "en: Choose that.", 'attention_checks[0].text.en does not name the wanted answer "yes"'),
    (
        "{country: de}, raters",
        "{country: at}, raters",
        'recruitment.quotas[0].where.country.at is "at"; allowed: us, de.',
    ),
    *(
        ("  target: 100", f"  target: 100\n  eligible: {expression}", f"recruitment.eligible {told}")
        for expression, told in (
            ("land == 'de'", 'names "land"; allowed: country, party.'),
            ("origin == 'open'", 'names "origin"; allowed: country, party.'),
            ("country in ['de', 'fr']", 'asks for "fr"; codes of country: us, de, undeclared.'),
            ("country != de", 'names "de"; allowed: country, party.'),
            ("country ==", "cannot be read: invalid syntax."),
            ("\"'de' == 'de'\"", "names no demographic; allowed: country, party."),
            ("country == 'us' or party < 'red'", "holds party < 'red'; allowed are ==, !=, in, not in,"),
            ("country == 'us' and party == country", "holds party == country; allowed are"),
            ("country in ('de')", "holds country in 'de'; allowed are"),
            ("country in []", "holds country in []; allowed are"),
            ("country == 3", "holds country == 3; allowed are"),
            ("country", "holds country; allowed are"),
            ("exec(country)", "holds exec(country); allowed are"),
        )
    ),
    ("raters: 50", "raters: 500", "recruitment.quotas[0].raters is 500, more than the target of 100."),
    (
        "scale:",
        "fielding: {coverage: {demographic: land, raters: 1}}\nscale:",
        'fielding.coverage.demographic is "land"; allowed: country, party.',
    ),
    (
        "scale:",
        "fielding: {tasks: [edit, edit]}\nscale:",
        'fielding.tasks[1] is "edit" a second time',
    ),
    (
        "scale:",
        "fielding: {demographics: first}\nscale:",
        'fielding.demographics is "first"; allowed: after, before.',
    ),
    ("rating ~ country", "rating ~ land", 'analysis.formula names "land"; allowed: country, party, rater, item'),
    ("rating ~", "value ~", 'analysis.formula has the response "value"; it must be "rating".'),
    ("(1 | item)", "(country | item)", "the only random effects are intercepts, (1 | name)."),
    ("(1 | item)", "(1 | thing)", 'analysis.formula names "thing"'),
    ("rating ~", "rating", "analysis.formula needs exactly one ~"),
    ("party + (1 | rater)", "party + + + * (1 | rater)", "analysis.formula cannot be read"),
    ("[[1], [2, 3]]", "[[1], [3]]", "must name each value from 1 to 3 once, in order; an example: [[1], [2, 3]]."),
    ("[[1], [2, 3]]", "[[1, 2, 3], []]", "must name each value from 1 to 3 once"),
    ("  merges: [country]", "  merges: [party]", 'analysis.merges[0] is "party"; demographics with merges: country.'),
    *(
        (
            "  merges: [country]",
            f"  merges: [country]\n  weights: {{margins: {margins}}}",
            f"analysis.weights.margins{told}",
        )
        for margins, told in (
            ("{land: {us: 1.0}}", '.land is "land"; allowed: country, party.'),
            ("{country: {us: 0.5, at: 0.5, de: 0.1}}", '.country.at is "at"; allowed: us, de, all, undeclared.'),
            ("{country: {us: 1.0}}", ".country lacks de; every answer needs a share."),
            (
                "{country: {us: 0.5, all: 0.5}}",
                ".country.us is part of all, which has a share too; give one of the two.",
            ),
            ("{country: {us: 0.5, de: 0.4}}", ".country sums to 0.9; shares sum to 1."),
            ("{country: {us: 1.0, de: 0}}", ".country.de is 0; it must be above 0."),
        )
    ),
    ("    party: {red: 5, blue: 5}\n", "", "simulation.margins lacks party; every one must be given."),
    ("red: 5,", "reds: 5,", 'simulation.margins.party.reds is "reds"; did you mean "red"? allowed: red, blue'),
    ("{red: 5, blue: 5}", "{red: 0}", "simulation.margins.party counts nobody"),
    ("    helpfulness: [-1, 1]\n", "", "simulation.thresholds lacks helpfulness"),
    ("toxicity: [-1, 1]", "toxicity: [1, -1]", "simulation.thresholds.toxicity must be 2 numbers, each above the one"),
    ("toxicity: [-1, 1]", "toxicity: [1]", "simulation.thresholds.toxicity must be 2 numbers"),
    ("rater_sd: {", "rater_sd: {kindness: 1, ", 'simulation.rater_sd.kindness is "kindness"; allowed: toxicity, helpf'),
    ("  effects:", "  tastes: {toxicity: {country: {us: 1}}}\n  effects:", "simulation.tastes.toxicity.country.us m"),
    ("    toxicity:\n      country", "    toxic:\n      country", 'simulation.effects.toxic is "toxic"; did you mean'),
    ("country: {de: 0.5}", "country: {at: 0.5}", 'country.at is "at"; allowed: us, de, undeclared.'),
    ("country: {de: 0.5}", "country: {us: 0.5}", "country.us must be 0: effects are differences from this, the refer"),
    ("{helpfulness: 1}", "{helpful: 1}", 'experiments[0].objective.helpful is "helpful"; did you mean "helpfulness"?'),
    ("{helpfulness: 1}", "{helpfulness: -1}", "experiments[0].objective.helpfulness is -1; a weight is above 0"),
    ("{key: two,", "{key: three,", 'experiments[0].conditions[1].key is "three" a second time'),
    ("policy: preserve, scale: 3", "policy: preserve, scale: 4", "conditions[0].scale is 4; allowed: 3, 2."),
    (", neutral: drop", "", "conditions[1].neutral is needed with `scale: 2`; allowed: drop, low, high."),
    (
        "policy: preserve, scale: 3",
        "policy: preserve, scale: 3, neutral: low",
        "conditions[0].neutral is read only with",
    ),
    (", ties: drop", "", "conditions[2].ties is needed with `policy: majority`; allowed: drop, low, high, neutral."),
    ("policy: preserve, scale: 3", "policy: preserve, scale: 3, ties: low", "conditions[0].ties is read only with"),
    ("ties: drop", "ties: drop, rows: hard", "conditions[2].rows is read only with `policy: preserve`"),
    (
        "scale: 3, ties: drop",
        "scale: 2, neutral: drop, ties: neutral",
        "ties is neutral, but a scale of 2 has no middle.",
    ),
    ("ties: drop", "ties: drop, leniency: removed", "conditions[2].leniency is read only with `policy: preserve` or"),
    ("ties: drop", "ties: drop, comparisons: within", "conditions[2].comparisons is read only with `policy: preserve`"),
    (
        "ties: drop",
        "ties: drop, groups: [country]",
        "groups is read only with `policy: group-balanced` or `policy: max",
    ),
    ("policy: preserve", "policy: maximin", "groups is needed with `policy: maximin`; allowed: country, party."),
    ("policy: preserve", "policy: maximin, groups: [land]", 'groups[0] is "land"; allowed: country, party.'),
    ("policy: preserve", "policy: maximin, groups: [party, party]", 'groups[1] is "party" a second time'),
    ("policy: preserve", "policy: preserve, combine: pareto", "combine is pareto, but the objective has one dimension"),
    (
        "{helpfulness: 1}\n    conditions:\n      - {key: three, policy: preserve",
        "{helpfulness: 1, toxicity: 1}\n    conditions:\n"
        "      - {key: three, combine: pareto, groups: [party], policy: maximin",
        "combine is pareto, but `policy: maximin` compares single numbers",
    ),
    ("policy: preserve", "policy: preserve, min_raters: 0", "conditions[0].min_raters is 0; it must be 1 or more."),
    ("country == 'de'", "land == 'de'", 'whose names "land"; allowed: country, party, language, origin, weight.'),
    ("country == 'de'", "country == 'at'", 'whose asks for "at"; codes of country: us, de, undeclared.'),
    ("country == 'de'", "country in ['de', 'at']", 'whose asks for "at"'),
    ("country == 'de'", "country ==", "conditions[1].whose cannot be read: invalid syntax."),
    ("country == 'de'", "1 == 1", "conditions[1].whose names no column of the raters"),
    ("{steps: 7}", "{language: fr}", 'experiments[0].training.language is "fr"; allowed: en, de.'),
    ("experiments:", "training: {language: fr}\nexperiments:", 'training.language is "fr"; allowed: en, de.'),
]


@pytest.mark.parametrize(("old", "new", "told"), MISTAKES)
def test_parts_that_do_not_fit_are_told_with_their_line(old: str, new: str, told: str) -> None:
    told_all = mistakes(SMALL.replace(old, new, 1))
    assert any(told in message for message in told_all), told_all
    line = line_of(old)
    assert all(
        abs(int(message.split("line ")[1].split(":")[0]) - line) <= 3 or told not in message for message in told_all
    )


def test_a_missing_language_is_told_with_the_line_of_the_text() -> None:
    message = mistake("{en: Hilft., de: Hilft.}", "{en: x}", SMALL.replace("en: Helps.", "en: Hilft."))
    line = line_of("statement: {en: Helps.")
    assert (
        message
        == f'study.yaml, line {line}: dimensions[1].statement has no text in "de", a language of this study; add it.'
    )


def test_a_new_language_is_asked_for_in_every_text() -> None:
    told = mistakes(SMALL.replace("languages: [en, de]", "languages: [en, de, fr]"))
    texts = len(list(texts_of(small())))
    assert told[-1] == f"study.yaml: and {texts - 10} more mistakes."


def test_a_study_made_in_python_is_checked_as_well() -> None:
    data = small().model_dump()
    data["analysis"]["formula"] = "rating ~ land"
    with pytest.raises(ValidationError, match=r'analysis\.formula names "land"'):
        Study.model_validate(data)


def test_even_scales_are_reduced_to_their_divisors() -> None:
    four = SMALL.replace("{en: yes, de: ja}]", "{en: yes, de: ja}, {en: oh yes, de: oh ja}]").replace(
        "[[1], [2, 3]]", "[[1, 2], [3, 4]]"
    )
    four = four.replace("[-1, 1]", "[-1, 0, 1]").replace(", neutral: drop", "").replace("ties: drop", "ties: low")
    told = mistakes(four)
    assert len(told) == 2
    assert all("scale is 3; allowed: 4, 2." in message for message in told)
