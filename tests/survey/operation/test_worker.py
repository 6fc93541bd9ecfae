"""Serving: several processes, a graceful stop, health, numbers, logs that say nothing about anybody."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import func, select, text
from starlette.testclient import TestClient

from pluralign.survey.app import create_app
from pluralign.survey.database import Database
from pluralign.survey.database.tables import participant
from pluralign.survey.operation.traffic import Traffic
from pluralign.survey.settings import Settings
from tests.survey.servers import Person, Server, study_folder
from tests.survey.small import PLAN, fielded, small_study
from tests.survey.test_pages import SECRET, begin, send

METRICS = "token-of-the-metrics"


def settings(tmp_path: Path, **changes: object) -> Settings:
    values = {"study": small_study(tmp_path), "plan": PLAN, "database_url": "", "secret": SECRET} | changes
    return Settings(**values)  # type: ignore[arg-type]


@pytest.mark.slow
def test_two_processes_serve_one_survey_and_count_together(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLURALIGN_METRICS_TOKEN", METRICS)
    root = study_folder(tmp_path / "study", n_prompts=10)
    server = Server(root, database_url, more=("--workers", "2")).wait()
    people = [Person(server.url, seed=n) for n in range(4)]
    threads = [threading.Thread(target=person.take_part) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    headers = {"Authorization": f"Bearer {METRICS}"}
    numbers = httpx2.get(server.url + "/metrics", headers=headers).text
    server.stop()
    assert [person.where for person in people] == ["/end"] * 4
    assert 'pluralign_participants{origin="open",state="finished"} 4' in numbers
    assert 'pluralign_requests_total{page="start",status="3xx"} 4' in numbers
    assert server.process.returncode == 0


@pytest.mark.slow
def test_a_request_under_way_is_finished_when_the_server_is_stopped(tmp_path: Path, database_url: str) -> None:
    root = study_folder(tmp_path / "study", n_prompts=10)
    server = Server(root, database_url).wait()
    person = Person(server.url)
    database = Database.open(database_url)
    with database.engine.connect() as connection, connection.begin():
        # Hold the row of the quota that everybody must pass, so that the visitor's request waits for us.
        connection.execute(text("UPDATE quota SET taken = taken"))
        thread = threading.Thread(target=person.take_part)
        thread.start()
        time.sleep(1.5)
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        assert server.process.poll() is None
    thread.join(30)
    server.stop()
    with database.read() as connection:
        assert connection.execute(select(func.count()).select_from(participant)).scalar_one() == 1
    database.close()


def test_a_process_loads_no_statistics_before_a_researcher_comes() -> None:
    code = "import sys, pluralign.survey.operation.worker; print({'pandas', 'scipy', 'matplotlib'} & {*sys.modules})"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"


def test_health_says_whether_the_database_answers(
    tmp_path: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    fielded(database, small_study(tmp_path))
    with TestClient(create_app(settings(tmp_path), database)) as client:
        assert client.get("/health").json() == {"status": "ok"}

        def away(*_: object) -> None:
            from sqlalchemy.exc import OperationalError

            raise OperationalError("SELECT 1", {}, Exception("gone"))

        monkeypatch.setattr(type(database), "read", away)
        assert client.get("/health").status_code == 503


def test_numbers_are_for_those_with_the_token_and_name_nobody(tmp_path: Path, database: Database) -> None:
    fielded(database, small_study(tmp_path))
    folder = tmp_path / "traffic"
    folder.mkdir()
    with TestClient(create_app(settings(tmp_path, metrics_token=METRICS, traffic_folder=folder), database)) as client:
        begin(client)
        assert client.get("/metrics").status_code == 404
        assert client.get("/metrics", headers={"Authorization": "Bearer wrong"}).status_code == 404
        page = client.get("/metrics", headers={"Authorization": f"Bearer {METRICS}"}).text
    with database.read() as connection:
        who = connection.execute(select(participant.c.participant)).scalar_one()
    assert who not in page
    assert all(re.fullmatch(r"(# TYPE \w+ \w+)|(\w+(\{[^}]*\})? [\d.]+)", line) for line in page.strip().split("\n"))
    assert 'pluralign_assignments{state="leased"} 1' in page
    with TestClient(create_app(settings(tmp_path), database)) as client:
        assert client.get("/metrics", headers={"Authorization": "Bearer None"}).status_code == 404


def test_counts_of_all_processes_are_summed(tmp_path: Path) -> None:
    traffic = Traffic(tmp_path, ("start", "rate"))
    traffic.add("start", 303, 0.02)
    (tmp_path / "999999").write_bytes(next(tmp_path.iterdir()).read_bytes())
    (tmp_path / "just-begun").write_bytes(b"")
    traffic.add("no such page", 200, 9.0)
    lines = list(traffic.lines())
    traffic.close()
    assert 'pluralign_requests_total{page="start",status="3xx"} 2' in lines
    assert 'pluralign_requests_total{page="other",status="2xx"} 1' in lines
    assert 'pluralign_request_seconds_bucket{le="0.025"} 2' in lines
    assert 'pluralign_request_seconds_bucket{le="5.0"} 2' in lines
    assert "pluralign_request_seconds_count 3" in lines
    assert "pluralign_request_seconds_sum 9.040000" in lines


@pytest.mark.slow
def test_logs_are_json_without_tokens_ids_or_addresses(tmp_path: Path, database_url: str) -> None:
    root = study_folder(tmp_path / "study", n_prompts=10)
    server = Server(root, database_url, more=("--log-level", "info")).wait()
    person = Person(server.url)
    person.take_part()
    httpx2.get(server.url + "/resume/secret-token?PROLIFIC_PID=somebody&email=a@b.example")
    server.process.send_signal(signal.SIGTERM)
    server.process.wait(30)
    output = server.process.stdout.read() if server.process.stdout else ""
    server.stop()
    lines = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    assert {"page": "resume", "status": 404}.items() <= next(x for x in lines if x.get("page") == "resume").items()
    assert sum(line.get("page") == "rated" for line in lines) == 3
    for secret in ("secret-token", "somebody", "a@b.example", "127.0.0.1:", *(which for which, _, _ in person.saved)):
        assert secret not in output.replace(f"127.0.0.1:{server.port}", "")
    database = Database.open(database_url)
    with database.read() as connection:
        assert connection.execute(select(participant.c.participant)).scalar_one() not in output
    database.close()


def test_too_many_attempts_from_one_address_are_slowed_down(tmp_path: Path, database: Database) -> None:
    fielded(database, small_study(tmp_path))
    with TestClient(create_app(settings(tmp_path, attempts_per_minute=3), database)) as client:
        answers = [client.get(f"/resume/guess{n}", follow_redirects=False).status_code for n in range(5)]
        assert answers == [404, 404, 404, 429, 429]
        assert "slower" in client.get("/resume/guess", headers={"Accept-Language": "en"}).text
        page = client.get("/?lang=en").text
        assert "slower" in send(client, "/start", page, **{"consent-participation": "yes"})
