"""The page at every point of a study's life."""

from __future__ import annotations

import re
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

from pluralign.errors import ConfigError, SchemaError
from pluralign.feedback import Feedback
from pluralign.folder import StudyFolder
from pluralign.manifests import Manifest, digest_file
from pluralign.report import write_report
from pluralign.report.models import findings
from pluralign.report.sources import gather
from pluralign.storage import write_csv
from pluralign.study import Study, load
from tests.report.studies import HOSTILE, analysed, evaluated, noted, preferred, study_folder

_VOID = {"meta", "link", "br", "hr", "img", "path", "use", "rect", "line", "circle", "polygon", "input"}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[StudyFolder, Study]:
    folder, study = study_folder(tmp_path_factory.mktemp("studies") / "one")
    analysed(folder, study)
    preferred(folder, study)
    evaluated(folder, study)
    return folder, study


@pytest.fixture(scope="module")
def page(finished: tuple[StudyFolder, Study]) -> str:
    return write_report(*finished).read_text(encoding="utf-8")


def text_of(page: str) -> str:
    """What a reader sees, without markup, spaces of all kinds joined."""
    body = re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", body)))


class Outline(HTMLParser):
    """Checks that elements are closed in order, and collects ids, headings and references."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.headings: list[int] = []
        self.references: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.ids += [values["id"]] if values.get("id") else []  # type: ignore[list-item]
        self.references += [str(values[name]) for name in ("src", "href", "xlink:href") if values.get(name)]
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag not in _VOID:
            assert self.open.pop() == tag


def outline(page: str) -> Outline:
    parser = Outline()
    parser.feed(page)
    return parser


def test_the_page_is_well_formed_with_headings_in_order_and_no_id_twice(page: str) -> None:
    found = outline(page)
    assert found.open == []
    assert len(found.ids) == len(set(found.ids))
    assert found.headings[0] == 1
    assert all(later <= earlier + 1 for earlier, later in zip(found.headings, found.headings[1:], strict=False))


def test_the_page_needs_nothing_from_elsewhere(page: str) -> None:
    found = outline(page)
    assert all(reference.startswith(("#", "data:")) for reference in found.references)
    assert {reference.removeprefix("#") for reference in found.references if reference.startswith("#")} <= set(
        found.ids
    )
    assert "@import" not in page
    assert "<script" not in page
    assert not re.search(r"url\((?!#)", page)


def test_hostile_texts_are_shown_not_run(tmp_path: Path) -> None:
    folder, _ = study_folder(tmp_path)
    file = folder.study_file
    file.write_text(file.read_text(encoding="utf-8").replace("Toxicity,", f'"{HOSTILE}",'), encoding="utf-8")
    study = load(file)
    analysed(folder, study)
    page = write_report(folder, study).read_text(encoding="utf-8")
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert outline(page).open == []


def test_simulated_raters_are_named_as_such_at_the_top(page: str) -> None:
    assert "The raters are simulated." in text_of(page).split("Who rated")[0]


def test_real_raters_are_not_called_simulated(tmp_path: Path) -> None:
    folder, study = study_folder(tmp_path, origin="prolific")
    page = text_of(write_report(folder, study).read_text(encoding="utf-8"))
    assert "simulated" not in page.lower()
    assert "nothing here is weighted to stand for a population" in page.lower()


def test_raters_are_counted_in_the_margins(finished: tuple[StudyFolder, Study], page: str) -> None:
    raters = pd.read_parquet(finished[0].data / "raters.parquet")
    number = int((raters["gender"] == "he").sum())
    assert re.search(rf"he/him</th>\s*<td class=\"number\">{number}</td>", page)


def test_significant_effects_are_listed_with_odds_interval_and_both_p(
    finished: tuple[StudyFolder, Study], page: str
) -> None:
    table = pd.read_csv(finished[0].analysis / "coefficients.csv", keep_default_na=False)
    row = table[(table["dimension"] == "toxicity") & (table["level"] == "he")].iloc[0]
    interval = f"{row['odds_low']:.2f} … {row['odds_high']:.2f}"
    shown = (
        rf"he/him she/her {row['raters']} {row['odds_ratio']:.2f} {interval} \+{row['percent']:.1f}% < 0.001 < 0.001 "
    )
    assert re.search(shown, text_of(page))


def test_planted_effects_are_compared_with_what_was_found(page: str) -> None:
    assert "Planted effects" in text_of(page)
    assert "+1.00" in text_of(page)


def test_a_stage_that_has_not_run_is_named_with_its_command(tmp_path: Path) -> None:
    folder, study = study_folder(tmp_path)
    stages = {"analyze": analysed, "prefer": preferred, "evaluate": evaluated}
    for name, work in stages.items():
        before = write_report(folder, study).read_text(encoding="utf-8")
        work(folder, study)
        after = write_report(folder, study).read_text(encoding="utf-8")
        assert f"<code>pluralign {name}</code>" in before
        assert f"<code>pluralign {name}</code>" not in after


def test_without_ratings_the_page_says_what_to_do(tmp_path: Path) -> None:
    folder, study = study_folder(tmp_path)
    for path in folder.data.iterdir():
        path.unlink()
    page = write_report(folder, study).read_text(encoding="utf-8")
    assert "There are no ratings yet" in page
    assert outline(page).open == []


def test_results_older_than_the_ratings_are_called_so(tmp_path: Path) -> None:
    folder, study = study_folder(tmp_path)
    noted(folder, study, "prefer")
    assert "have changed since" not in write_report(folder, study).read_text(encoding="utf-8")
    for path in (folder.data / "raters.parquet", folder.data / "raters.manifest.json"):
        path.unlink()
    study_folder(tmp_path, origin="prolific")
    page = text_of(write_report(folder, study).read_text(encoding="utf-8"))
    assert "These have changed since the preference data ran" in page
    assert "data/raters.parquet" in page


def test_conditions_are_described_and_counted(finished: tuple[StudyFolder, Study], page: str) -> None:
    summary = pd.read_csv(finished[0].preferences / "summary.csv", keep_default_na=False)
    text = text_of(page)
    assert "preserve: every rating counts; 5 points." in text
    assert "majority: each response gets the rating most raters chose; 5 points; without a majority, no rating." in text
    assert f" {summary['matched_pairs'].iloc[0]} " in text


def test_differences_are_told_with_interval_and_the_judges_worth(
    finished: tuple[StudyFolder, Study], page: str
) -> None:
    table = pd.read_csv(finished[0].evaluation / "differences.csv")
    row = table[(table["condition"] == "preserve") & (table["dimension"] == "helpfulness")].iloc[0]
    interval = f"+{row['low']:.2f} … +{row['high']:.2f}"
    text = text_of(page)
    assert f"preserve: Helpfulness moved as wished, by +{row['difference']:.2f} points ({interval})." in text
    assert re.search(
        rf"\+{row['difference']:.2f} {re.escape(interval)} \+{row['true_difference']:.2f} better fair", text
    )


def test_a_model_that_does_not_differ_is_said_not_to(page: str) -> None:
    assert "majority: the tuned model is not shown to differ from the base model on Helpfulness" in text_of(page)


def test_conditions_are_compared_with_each_other(finished: tuple[StudyFolder, Study], page: str) -> None:
    row = pd.read_csv(finished[0].evaluation / "contrasts.csv").set_index("dimension").loc["helpfulness"]
    assert f"preserve against majority: +{row['difference']:.2f} points on Helpfulness" in text_of(page)


def test_claims_between_conditions_stand_at_the_top(tmp_path: Path) -> None:
    folder, study = study_folder(tmp_path)
    evaluated(folder, study)
    file = folder.evaluation / "contrasts.csv"
    table = pd.read_csv(file)
    for claimed, said in (
        (True, "Every rating or the majority: preserve against majority: +"),
        (False, "No difference between two conditions is claimed"),
    ):
        write_csv(table.assign(claimed=claimed), file)
        assert findings(gather(folder, study, "en"))[-1].startswith(said)


def test_a_judge_that_does_not_follow_people_is_called_that_wherever_it_is_used(tmp_path: Path) -> None:
    folder, study = study_folder(tmp_path)
    evaluated(folder, study, verdict="poor")
    text = text_of(write_report(folder, study).read_text(encoding="utf-8"))
    brief, rest = text.split("Who rated", 1)
    assert "not shown to follow people's ratings of Helpfulness: differences there prove nothing" in brief
    assert "so this proves nothing" in rest


def test_responses_without_a_judgement_and_runs_that_are_absent_are_counted(page: str) -> None:
    text = text_of(page)
    assert "6 of 72 answers of models have no judgement." in text
    assert "Not evaluated (not tuned): disagreement/majority/3." in text


def test_a_few_responses_are_folded_away_behind_a_warning(page: str) -> None:
    start = page.index("A few answers, base and tuned</summary>")
    folded = page[start : page.index("</details>", start)]
    assert page.rindex("<details>", 0, start) > page.rindex("</details>", 0, start)
    assert folded.index("may be insulting") < folded.index("by preserve to p10")
    assert folded.count('class="sample"') == 3


def test_german_is_german_throughout(finished: tuple[StudyFolder, Study]) -> None:
    page = write_report(*finished, language="de").read_text(encoding="utf-8")
    assert '<html lang="de">' in page
    text = text_of(page)
    assert "Wie sich Gruppen unterscheiden" in text
    assert "Toxizität" in text
    assert "Geschlecht" in text
    assert re.search(r"\d,\d", text)
    assert "Für Nützlichkeit ist kein Unterschied zum Ausgangsmodell nachgewiesen" in text
    for english in (
        " odds ",
        "judge ",
        " Raters ",
        "Toxicity",
        "not asked",
        "prefer not to say",
        "reference)",
    ):
        assert english not in text, english


def test_a_language_the_study_does_not_have_is_refused(finished: tuple[StudyFolder, Study]) -> None:
    with pytest.raises(ConfigError, match="allowed: en, de"):
        write_report(*finished, language="fr")


def test_every_file_can_be_traced(finished: tuple[StudyFolder, Study], page: str) -> None:
    folder = finished[0]
    for path in (folder.study_file, folder.data / "ratings.parquet", folder.preferences / "summary.csv"):
        assert digest_file(path)[:16] in page
    assert "numpy" in page
    assert str(folder.root) not in page


def test_equal_inputs_give_equal_pages(finished: tuple[StudyFolder, Study]) -> None:
    assert write_report(*finished).read_bytes() == write_report(*finished).read_bytes()


def test_a_damaged_table_is_named(tmp_path: Path) -> None:
    folder, study = study_folder(tmp_path)
    folder.preferences.mkdir()
    (folder.preferences / "summary.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SchemaError, match=r"summary\.csv"):
        write_report(folder, study)


def test_disagreement_overlap_and_robustness_are_told(finished: tuple[StudyFolder, Study], page: str) -> None:
    analysis = finished[0].analysis
    text = text_of(page)
    alpha = pd.read_csv(analysis / "agreement.csv")["alpha"].iloc[0]
    overlap = pd.read_csv(analysis / "overlap.csv").iloc[1]
    variants = pd.read_csv(analysis / "variants.csv")
    assert f"Toxicity {alpha:.2f}".replace("-", "−") in text
    assert re.search(rf"Toxicity \+ Helpfulness {overlap['both']} {overlap['rated']} {overlap['percent']:.1f}%", text)
    assert set(variants["variant"]) == {"all points"}
    assert "every point of the scale kept apart 0 2/2" in text


def test_only_small_groups_carry_the_mark_of_small_groups(finished: tuple[StudyFolder, Study], page: str) -> None:
    table = pd.read_csv(finished[0].analysis / "coefficients.csv", keep_default_na=False)
    assert "" in set(table["caution"])
    raters = table.loc[(table["caution"] == "") & (table["level"] == "he"), "raters"].iloc[0]
    assert f'<td class="number">{raters}</td>' in page
    assert f"{raters}*" not in page


def test_a_study_of_one_dimension_has_no_overlap_to_show(tmp_path: Path) -> None:
    folder, study = study_folder(tmp_path)
    feedback = Feedback.load(folder.data)
    only = feedback.ratings[feedback.ratings["dimension"] == "toxicity"].reset_index(drop=True)
    changed = Feedback.of(feedback.prompts, feedback.items, feedback.raters, only, 5)
    changed.save(folder.data, Manifest(what="ratings of one dimension"))
    analysed(folder, study)
    text = text_of(write_report(folder, study).read_text(encoding="utf-8"))
    assert "How far raters disagree" in text
    assert "Found together" not in text


def test_weighted_estimates_stand_beside_the_unweighted(tmp_path: Path) -> None:
    folder, _ = study_folder(tmp_path / "weighted")
    weights = "  weights: {margins: {politics: {left: 0.4, centre: 0.3, conservative: 0.3}}}\n"
    text = folder.study_file.read_text(encoding="utf-8")
    folder.study_file.write_text(text.replace("analysis:\n", "analysis:\n" + weights), encoding="utf-8")
    study = load(folder.study_file)
    analysed(folder, study)
    english, german = (text_of(write_report(folder, study, key).read_text(encoding="utf-8")) for key in ("en", "de"))
    assert "Weighted to the population" in english
    assert "design effect" in english
    assert "Auf die Bevölkerung gewichtet" in german


def test_a_condition_without_pairs_is_named_with_its_reason(tmp_path: Path) -> None:
    folder, study = study_folder(tmp_path / "problem")
    preferred(folder, study)
    line = {"experiment": "disagreement", "condition": "majority", "problem": "Of 480 pairs none is left <b>."}
    write_csv(pd.DataFrame([line]), folder.preferences / "problems.csv")
    page = write_report(folder, study).read_text(encoding="utf-8")
    assert "No pairs for disagreement/majority: Of 480 pairs none is left <b>." in text_of(page)
    assert "none is left <b>" not in page
