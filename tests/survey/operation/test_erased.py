"""Who withdrew stays away: from new backups, and from a database restored from an old one."""

from __future__ import annotations

import re
import stat
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from pluralign.cli import pluralign
from pluralign.cli.failures import run_command_line
from pluralign.errors import ConfigError
from pluralign.folder import StudyFolder
from pluralign.study import Study, load
from pluralign.survey.app import create_app
from pluralign.survey.database import Database
from pluralign.survey.database.tables import erasure, participant, rating
from pluralign.survey.fielding.plan import Plan
from pluralign.survey.fielding.withdrawal import withdraw
from pluralign.survey.operation.backup import backup, restore
from pluralign.survey.operation.erased import ERASED_FILE, Erased, erase_again
from pluralign.survey.release.making import Wishes, make
from pluralign.survey.release.writing import as_zip, corpus
from pluralign.survey.serving import prepare
from pluralign.survey.settings import Settings
from tests.survey.operation.test_backup import empty
from tests.survey.people import Person, take_part
from tests.survey.servers import study_folder
from tests.survey.small import NOW, fielded, small_study
from tests.survey.test_pages import begin, field, send

__all__ = ["empty"]
SECRET = b"0123456789abcdef0123456789abcdef"
TASKS = {"tasks": ["craft"]}
WRITTEN = "a sentence that nobody else has written"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return study_folder(tmp_path / "study", 6, fielding=TASKS)


@pytest.fixture
def study(root: Path) -> Study:
    return small_study(root, fielding=TASKS)


@pytest.fixture
def client(database: Database, study: Study, root: Path) -> Iterator[TestClient]:
    """A browser at a survey in which others have taken part already."""
    plan = Plan.of(study, 12)
    fielded(database, study, plan)
    take_part(database, study, plan, [Person({"gender": "she", "age": "old"})] * 2)
    url = database.engine.url.render_as_string(hide_password=False)
    settings = Settings(study=study, plan=plan, database_url=url, secret=SECRET, words_folder=root)
    with TestClient(create_app(settings, database)) as browser:
        yield browser


def rate_and_write(client: TestClient, database: Database) -> tuple[str, str]:
    """Somebody rates an item and writes something; returns their id and the assignment's."""
    page = begin(client)
    which = field(page, "assignment")
    answers = {"rating-toxicity": "1", "rating-helpfulness": "3", "check-0": "2", "task-craft": WRITTEN}
    send(client, "/rate", page, wish="next", **answers)
    with database.read() as connection:
        newest = select(participant.c.participant).order_by(participant.c.created_at.desc())
        return str(connection.execute(newest).scalars().first()), which


def test_who_withdrew_is_in_no_file_no_release_and_no_new_backup(
    client: TestClient, database: Database, root: Path, tmp_path: Path
) -> None:
    who, which = rate_and_write(client, database)
    token = client.cookies["pluralign_person"]
    send(client, "/withdraw", client.get("/withdraw").text)
    with database.read() as connection:
        release = as_zip(make(connection, *corpus(StudyFolder(root)), Wishes(level="internal")), "release")
    with zipfile.ZipFile(BytesIO(release)) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    contents["list"] = (root / ERASED_FILE).read_bytes()
    # PostgreSQL's files are the server's, and its backups are compressed.
    if database.is_sqlite:
        backup(database, tmp_path / "new-backup")
        contents["backup"] = (tmp_path / "new-backup").read_bytes()
        for suffix in ("", "-wal"):
            contents[f"file{suffix}"] = Path(f"{database.engine.url.database}{suffix}").read_bytes()
    traces = [text.encode() for text in (who, which, token, WRITTEN)]
    assert [name for name, content in contents.items() if any(trace in content for trace in traces)] == []


def test_an_old_backup_does_not_bring_back_who_withdrew(
    client: TestClient, database: Database, empty: str, root: Path, tmp_path: Path
) -> None:
    who, which = rate_and_write(client, database)
    backup(database, tmp_path / "old-backup")
    send(client, "/withdraw", client.get("/withdraw").text)
    other = Database.open(empty)
    restore(tmp_path / "old-backup", other)
    other.upgrade()
    assert erase_again(other, Erased(root / ERASED_FILE, SECRET), NOW) == 1
    with other.read() as connection:
        assert who not in connection.execute(select(participant.c.participant)).scalars().all()
        assert which not in connection.execute(select(rating.c.assignment)).scalars().all()
        assert connection.execute(select(erasure.c.by)).scalars().all() == ["restore"]
        assert len(connection.execute(select(participant)).all()) == 2
    if other.is_sqlite:
        content = Path(str(other.engine.url.database)).read_bytes()
        assert not any(each.encode() in content for each in (who, which, WRITTEN))
    assert erase_again(other, Erased(root / ERASED_FILE, SECRET), NOW) == 0
    other.close()


def test_the_list_is_private_and_names_nobody(tmp_path: Path) -> None:
    erased = Erased(tmp_path / ERASED_FILE, SECRET)
    assert erased.among(["a" * 32]) == []
    erased.note("a" * 32)
    erased.note("b" * 32)
    assert erased.among(["b" * 32, "c" * 32]) == ["b" * 32]
    assert stat.S_IMODE(erased.path.stat().st_mode) == 0o600
    assert re.fullmatch(r"([0-9a-f]{8}:[0-9a-f]{64}\n){2}", erased.path.read_text())
    with pytest.raises(ConfigError, match="lines written with another secret: 2 of 2"):
        Erased(erased.path, b"another secret, as long as it needs").check()


def test_the_command_erases_again_and_speaks_of_the_list_where_it_is_needed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = StudyFolder(study_folder(tmp_path / "study", 6))
    settings, database, _ = prepare(folder, load(folder.study_file))
    (who,) = take_part(database, settings.study, settings.plan, [Person(items=1)])
    backup(database, tmp_path / "b.db")

    def call(name: str, root: Path = folder.root) -> str:
        url = f"sqlite:///{tmp_path / name}"
        arguments = ["survey", "restore", str(tmp_path / "b.db"), "--database", url, "--study", str(root)]
        assert run_command_line(pluralign, arguments) == 0
        return capsys.readouterr().out

    assert call("nobody.db") == "Restored. Serve from this database from now on.\n"
    assert f"If anybody withdrew after this backup, put the list at {tmp_path}" in call("elsewhere.db", tmp_path)
    database.run(lambda connection: withdraw(connection, who, "participant", NOW))
    database.close()
    assert "1 person withdrew after this backup and came back with it, for there is no list" in call("missing.db")
    assert settings.erased is not None
    settings.erased.note(who)
    assert "Erased again, for they had withdrawn: 1." in call("again.db")
    restored = Database.open(f"sqlite:///{tmp_path / 'again.db'}")
    with restored.read() as connection:
        assert connection.execute(select(participant)).all() == []
    restored.close()
