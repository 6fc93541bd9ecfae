"""What a release holds, and what it must not."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest
from sqlalchemy import insert, select, update

from pluralign.errors import ConfigError, DataError
from pluralign.study import Study
from pluralign.survey import instrument
from pluralign.survey.database import Database
from pluralign.survey.database.tables import assignment, identity, item, task
from pluralign.survey.fielding import answers, withdrawal
from pluralign.survey.release.making import Release, Wishes, make
from pluralign.survey.release.protection import smallest_cell
from tests.survey.people import Person, take_part
from tests.survey.release.conftest import PLAN
from tests.survey.small import NOW, PERSON, small_study

Tables = tuple[pd.DataFrame, pd.DataFrame]


def release(database: Database, tables: Tables, wishes: Wishes | None = None) -> Release:
    with database.read() as connection:
        return make(connection, *tables, wishes or Wishes())


@pytest.mark.usefixtures("ids")
def test_a_public_release_protects_who_is_rare(database: Database, tables: Tables) -> None:
    made = release(database, tables)
    raters = made.feedback.raters
    assert len(raters) == 11
    assert made.protected is not None
    assert smallest_cell(raters, made.known) >= 5
    assert int(made.protected.report["suppressed"].sum()) > 0
    assert made.people_out == {"did not finish": 1}
    assert made.left_out == {"participant not in the release": 2}
    assert made.manifest.config["k"] == 5


@pytest.mark.usefixtures("ids")
def test_moments_are_days_in_public_and_exact_inside(database: Database, tables: Tables) -> None:
    public = release(database, tables).feedback.ratings["time"]
    assert set(public) == {pd.Timestamp("2026-03-01", tz="UTC")}
    inside = release(database, tables, Wishes(level="internal")).feedback.ratings["time"]
    assert inside.max() == pd.Timestamp(NOW + timedelta(minutes=10, seconds=60))


@pytest.mark.usefixtures("ids")
def test_an_internal_release_has_every_answer(database: Database, tables: Tables) -> None:
    made = release(database, tables, Wishes(level="internal"))
    raters = made.feedback.raters
    assert raters[["gender", "age"]].value_counts().to_dict() == {
        ("she", "old"): 5,
        ("he", "young"): 5,
        ("he", "old"): 1,
    }
    assert made.protected is None
    assert "k" not in made.manifest.config


@pytest.mark.usefixtures("ids")
def test_ratings_carry_what_is_known_about_them(database: Database, tables: Tables) -> None:
    ratings = release(database, tables).feedback.ratings
    assert len(ratings) == 11 * 3 * 2
    assert set(ratings["seconds"]) == {20.0}
    assert set(ratings["position"]) == {1, 2, 3}
    assert ratings["attention"].all()


def test_ids_are_new_in_every_release_and_tell_no_order(database: Database, tables: Tables, ids: list[str]) -> None:
    first, second = (release(database, tables).feedback.raters["rater"].tolist() for _ in range(2))
    assert not set(first) & set(second)
    assert not set(first) & set(ids)
    assert first == sorted(first)


def test_a_release_holds_no_recruitment_id(database: Database, tables: Tables, ids: list[str]) -> None:
    row = {"participant": ids[0], "platform": "prolific", "external_hash": "e" * 64, "submission": "SUBMISSION7"}
    database.run(lambda connection: connection.execute(insert(identity).values(**row)))
    made = release(database, tables, Wishes(level="internal"))
    everything = " ".join(
        getattr(made.feedback, name).to_csv() for name in ("prompts", "items", "raters", "ratings")
    ) + str(made.manifest)
    for secret in ("SUBMISSION7", "e" * 64, *ids):
        assert secret not in everything


def test_who_withdrew_is_in_no_later_release(database: Database, tables: Tables, ids: list[str]) -> None:
    before = release(database, tables, Wishes(level="internal"))
    database.run(lambda connection: withdrawal.withdraw(connection, ids[0], "participant", NOW))
    after = release(database, tables, Wishes(level="internal"))
    assert len(after.feedback.raters) == len(before.feedback.raters) - 1
    assert len(after.feedback.ratings) == len(before.feedback.ratings) - 6
    assert after.withdrawn == 1


@pytest.mark.usefixtures("ids")
def test_people_who_left_can_be_asked_for_and_are_marked(database: Database, tables: Tables) -> None:
    raters = release(database, tables, Wishes(level="internal", unfinished=True)).feedback.raters
    assert len(raters) == 12
    assert raters.loc[raters["flags"] == "unfinished", "age"].isna().tolist() == [True]


def test_a_skipped_item_and_one_half_answered_are_not_ratings(
    database: Database, tables: Tables, ids: list[str]
) -> None:
    step = update(assignment).where(assignment.c.participant == ids[0], assignment.c.position == 1)
    database.run(lambda connection: connection.execute(step.values(state="skipped")))
    made = release(database, tables)
    assert len(made.feedback.ratings) == 11 * 6 - 2
    assert made.left_out["item not rated to the end"] == 2


def test_an_item_answered_after_its_place_was_given_on_counts(
    database: Database, tables: Tables, ids: list[str]
) -> None:
    step = update(assignment).where(assignment.c.participant == ids[0], assignment.c.position == 1)
    database.run(lambda connection: connection.execute(step.values(state="expired", done_at=None)))
    ratings = release(database, tables).feedback.ratings
    assert len(ratings) == 11 * 6
    assert int(ratings["seconds"].isna().sum()) == 2


def test_texts_that_people_wrote_are_only_in_an_internal_release(
    database: Database, tables: Tables, ids: list[str]
) -> None:
    with database.read() as connection:
        which = connection.execute(select(assignment.c.assignment).where(assignment.c.participant == ids[0])).first()
    assert which is not None
    row = {"assignment": which[0], "kind": "edit", "text": "I am Ada.", "language": "en", "at": NOW}
    database.run(lambda connection: connection.execute(insert(task).values(**row)))
    assert release(database, tables).texts is None
    texts = release(database, tables, Wishes(level="internal")).texts
    assert texts is not None
    assert texts["text"].tolist() == ["I am Ada."]


@pytest.mark.usefixtures("ids")
def test_the_texts_are_those_that_people_were_shown(database: Database, tables: Tables) -> None:
    shown = {"en": "as shown", "de": "wie gezeigt"}
    database.run(lambda connection: connection.execute(update(item).values(texts=shown)))
    items = release(database, tables).feedback.items
    assert set(items["text_en"]) == {"as shown"}
    assert set(items["model"]) == {"m"}


@pytest.mark.usefixtures("ids")
def test_an_item_that_is_gone_from_the_corpus_is_named(database: Database, tables: Tables) -> None:
    prompts, items = tables
    with pytest.raises(DataError, match="the first is p000-none"):
        release(database, (prompts, items[items["item"] != "p000-none"]))


def unchecked(_: int) -> answers.Given:
    return answers.Given(ratings={"toxicity": 4, "helpfulness": 1})


@pytest.mark.usefixtures("ids")
def test_ratings_under_an_instrument_that_asked_something_else_stay_out(
    database: Database, tables: Tables, tmp_path: Path
) -> None:
    wider = {"labels": [{"en": f"{n}", "de": f"{n}"} for n in "abcd"]}
    (tmp_path / "second").mkdir()
    changed = small_study(tmp_path / "second", scale=wider, attention_checks=[])
    database.run(lambda connection: instrument.register(connection, changed, NOW))
    take_part(database, changed, PLAN, [Person(PERSON, rate=unchecked)] * 5)
    newest, oldest = release(database, tables), release(database, tables, Wishes(version=1))
    assert (newest.feedback.points, len(newest.feedback.raters)) == (4, 5)
    assert (oldest.feedback.points, len(oldest.feedback.raters)) == (3, 11)
    assert list(newest.manifest.config["instrument"]) == ["2"]
    with pytest.raises(ConfigError, match="no instrument version 3; there are 1, 2"):
        release(database, tables, Wishes(version=3))


@pytest.mark.usefixtures("ids")
def test_wrong_wishes_are_explained(database: Database, tables: Tables) -> None:
    with pytest.raises(ConfigError, match="does not ask for shoe_size"):
        release(database, tables, Wishes(known=("shoe_size",)))
    with pytest.raises(ConfigError, match="k is 1"):
        release(database, tables, Wishes(k=1))
    with pytest.raises(DataError, match="11 people are too few"):
        release(database, tables, Wishes(k=12))


@pytest.mark.usefixtures("ids")
def test_only_what_others_know_is_protected(database: Database, tables: Tables) -> None:
    made = release(database, tables, Wishes(known=("gender",)))
    assert made.known == ("gender",)
    assert made.feedback.raters["age"].notna().all()


def test_nothing_to_release_says_why(database: Database, study: Study, tables: Tables) -> None:
    with pytest.raises(DataError, match="no study yet"):
        release(database, tables)
    database.run(lambda connection: instrument.register(connection, study, NOW))
    with pytest.raises(DataError, match="nobody has come yet"):
        release(database, tables)


@pytest.mark.usefixtures("ids")
def test_the_days_of_collection_are_known(database: Database, tables: Tables) -> None:
    assert release(database, tables).days == (date(2026, 3, 1), date(2026, 3, 1))
