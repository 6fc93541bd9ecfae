"""The client of Prolific's API: what it asks, how it waits, what it says when it is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from pluralign.errors import ConfigError
from pluralign.survey.recruitment.access import Access, read_access
from pluralign.survey.recruitment.drafts import completion_codes, draft
from pluralign.survey.recruitment.prolific import Prolific, ProlificError
from tests.survey.prolific_server import TOKEN, WEBHOOK_SECRET, ProlificServer
from tests.survey.small import small_study

PAY = {"platform": "prolific", "target": 20, "pay": {"amount": 4.0, "currency": "USD", "minutes": 20}}
ACCESS = {"codes": {"finished": "DONE1234", "quota_full": "FULL1234"}, "screen_out": {"amount": 0.2, "places": 9}}


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def client(prolific: ProlificServer, waits: list[float]) -> Prolific:
    return Prolific(TOKEN, prolific.address, sleep=waits.append)


def test_a_draft_has_one_code_per_ending_and_pays_who_comes_in_vain(
    prolific: ProlificServer, client: Prolific, tmp_path: Path
) -> None:
    content = draft(small_study(tmp_path, recruitment=PAY), Access.model_validate(ACCESS), "https://s.example/", "de")
    assert client.cost(content["reward"], content["total_available_places"]) == 400 * 20 * 1.4
    assert client.create(content) == "study1"
    made = prolific.studies["study1"]
    assert made["name"] == "Klein"
    assert made["external_study_url"].startswith("https://s.example/?PROLIFIC_PID={{%PROLIFIC_PID%}}&STUDY_ID=")
    assert [each["code"] for each in made["completion_codes"]] == ["DONE1234", "FULL1234"]
    assert made["completion_codes"][0]["actions"] == [{"action": "MANUALLY_REVIEW"}]
    payment = {"action": "FIXED_SCREEN_OUT_PAYMENT", "fixed_screen_out_reward": 20, "slots": 9}
    assert made["completion_codes"][1]["actions"] == [payment]


def test_the_code_that_two_endings_share_is_sent_once() -> None:
    codes = {"finished": "DONE1234", "quota_full": "FULL1234", "screened_out": "FULL1234"}
    access = Access.model_validate(ACCESS | {"codes": codes})
    assert [each["code"] for each in completion_codes(access)] == ["DONE1234", "FULL1234"]


@pytest.mark.parametrize(
    ("recruitment", "access", "message"),
    [
        ({"platform": "open", "target": 20}, ACCESS, "platform: prolific"),
        (PAY | {"pay": {"amount": 4.0, "currency": "EUR", "minutes": 20}}, ACCESS, "pays in GBP or USD"),
        (PAY, {"codes": {}}, "no completion code for `finished`"),
        (PAY, {"codes": ACCESS["codes"]}, "screen_out"),
    ],
)
def test_what_a_draft_lacks_is_named(
    recruitment: dict[str, object], access: dict[str, object], message: str, tmp_path: Path
) -> None:
    study = small_study(tmp_path, recruitment=recruitment)
    with pytest.raises(ConfigError, match=message):
        draft(study, Access.model_validate(access), "https://s.example", "en")


def test_all_pages_of_submissions_are_read(prolific: ProlificServer, client: Prolific) -> None:
    for number in range(230):
        prolific.add(f"s{number}", f"p{number}", "APPROVED")
    prolific.add("elsewhere", "p", "APPROVED", study="study2")
    found = client.submissions("study1")
    assert [each.submission for each in found] == [f"s{number}" for number in range(230)]


def test_it_waits_longer_and_longer_and_as_long_as_it_is_asked_to(
    prolific: ProlificServer, client: Prolific, waits: list[float]
) -> None:
    prolific.trouble = [503, 500, 502, 429]
    assert client.cost(100, 1) == 140
    assert len(waits) == 4
    assert all(0.5 * 2**n <= wait <= 2**n for n, wait in enumerate(waits[:3]))
    assert waits[3] == 7


def test_it_gives_up_after_a_while_and_says_why(prolific: ProlificServer, client: Prolific) -> None:
    prolific.trouble = [503] * 10
    with pytest.raises(ProlificError, match="503"):
        client.submissions("study1")
    assert len(prolific.asked) == 6


def test_a_draft_is_never_made_twice(prolific: ProlificServer, client: Prolific) -> None:
    prolific.trouble = [502]
    with pytest.raises(ProlificError, match="502"):
        client.create({"completion_codes": [{"code": "A"}]})
    assert len(prolific.asked) == 1
    prolific.trouble = [429]
    assert client.create({"completion_codes": [{"code": "A"}]}) == "study1"


def test_refusals_are_explained_and_hold_no_token(prolific: ProlificServer, waits: list[float]) -> None:
    with pytest.raises(ProlificError, match="does not accept the token") as refused:
        Prolific("wrong", prolific.address, sleep=waits.append).submissions("study1")
    assert "wrong" not in str(refused.value)
    assert "wrong" not in repr(Prolific("wrong"))
    with pytest.raises(ProlificError, match="by order of the tests"):
        Prolific(TOKEN, prolific.address, sleep=waits.append).screen_out("nobody", "FULL1234")
    with pytest.raises(ProlificError, match="does not answer"):
        Prolific(TOKEN, "http://127.0.0.1:9", sleep=waits.append).cost(1, 1)


def test_submissions_are_approved_returned_and_screened_out(prolific: ProlificServer, client: Prolific) -> None:
    for number in range(3):
        prolific.add(f"s{number}", f"p{number}", "AWAITING REVIEW")
    client.approve(["s0"])
    client.ask_to_return("s1", ["Withdrew consent"])
    client.screen_out("s2", "FULL1234")
    client.screen_out("s0", "FULL1234")
    assert prolific.submissions["s0"]["status"] == "APPROVED"
    assert prolific.submissions["s1"]["return_requested"] == ["Withdrew consent"]
    assert prolific.submissions["s2"]["status"] == "SCREENED OUT"


def test_subscribing_proves_that_the_wish_is_ours(prolific: ProlificServer, client: Prolific) -> None:
    assert client.subscribe("workspace", "https://s.example/prolific/events") == WEBHOOK_SECRET
    assert prolific.asked[-1][1:] == ("/api/v1/hooks/subscriptions/hook1/", {"secret": "confirm-me"})


def test_settings_come_from_the_file_and_the_environment_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert read_access(tmp_path) is None
    (tmp_path / "survey-settings.yaml").write_text("prolific: {codes: {finished: FILE1234}, token: of-the-file}\n")
    found = read_access(tmp_path)
    assert found is not None
    assert (found.codes, found.token) == ({"finished": "FILE1234"}, "of-the-file")
    monkeypatch.setenv("PLURALIGN_PROLIFIC_TOKEN", "of-the-environment")
    monkeypatch.setenv("PLURALIGN_PROLIFIC_CODES", "finished=ENV12345, quota_full=FULL1234")
    found = read_access(tmp_path)
    assert found is not None
    assert found.codes == {"finished": "ENV12345", "quota_full": "FULL1234"}
    assert found.token == "of-the-environment"
    assert "of-the-environment" not in repr(found)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("prolific: {codes: {finish: AAAA1111}}", "codes"),
        ("prolific: {codes: {finished: 'a b'}}", "codes.finished"),
        ("prolific: {codes: {finished: SAME1234, quota_full: SAME1234}}", "same completion code"),
        ("prolific: {keep_days: 0}", "keep_days"),
        ("prolifik: {}", "prolifik"),
        ("- a list", "survey-settings.yaml"),
        ("prolific: {token: [", "survey-settings.yaml"),
    ],
)
def test_wrong_settings_are_named(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "survey-settings.yaml").write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_access(tmp_path)
