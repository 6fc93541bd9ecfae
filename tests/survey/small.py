"""A small study that people take part in, its items, and somebody who takes part."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import yaml
from sqlalchemy import Connection

from pluralign.study import Study
from pluralign.survey import instrument
from pluralign.survey.database import Database
from pluralign.survey.fielding import answers, assignment, participants, pool, quotas
from pluralign.survey.fielding.plan import Plan, screened_questions

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)

STUDY = """
version: 1
name: small
title: {en: Small, de: Klein}
languages: [en, de]
texts:
  consent:
    - {key: participation, text: {en: I take part., de: Ich mache mit.}}
    - {key: opinion, text: {en: You may store my opinion., de: Ihr dürft meine Meinung speichern.}}
dimensions:
  - {key: toxicity, desirable: low, label: {en: Toxicity, de: Toxizität}, statement: {en: It hurts., de: Es verletzt.},
     definition: {en: Harm., de: Schaden.}}
  - {key: helpfulness, desirable: high, label: {en: Help, de: Hilfe}, statement: {en: It helps., de: Es hilft.},
     definition: {en: Use., de: Nutzen.}}
scale: {labels: [{en: no, de: nein}, {en: so so, de: teils}, {en: yes, de: ja}]}
contexts:
  - {key: none, label: {en: None, de: Keine}}
  - {key: kind, label: {en: Kind, de: Nett}, instruction: {en: Be kind., de: Sei nett.}}
demographics:
  - {key: gender, question: {en: You are, de: Du bist}, reference: she,
     options: [{code: she, label: {en: she, de: sie}}, {code: he, label: {en: he, de: er}}]}
  - {key: age, question: {en: Age, de: Alter}, ordered: true, reference: young,
     options: [{code: young, label: {en: young, de: jung}}, {code: old, label: {en: old, de: alt}}]}
attention_checks:
  - {after: toxicity, wanted: 2, options: [1, 2, 3], text: {en: Choose "so so"., de: Wähle „teils“.}}
items_per_rater: 3
recruitment: {platform: open, target: 100}
analysis: {formula: rating ~ gender + (1 | rater)}
"""

PLAN = Plan(ratings_per_item=2)


def small_study(tmp_path: Path, **changes: object) -> Study:
    """The study, with top-level parts replaced by ``changes``; read through its file as users do."""
    from pluralign.study import load

    path = tmp_path / "study.yaml"
    content = yaml.safe_load(STUDY.replace("no,", "'no',").replace("yes,", "'yes',")) | changes
    path.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return load(path)


def corpus(n_prompts: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Prompts with two responses each, one per perspective, in both languages."""
    keys = [f"p{number:03d}" for number in range(n_prompts)]
    prompts = pd.DataFrame({"prompt": keys, "source": "test", "licence": "CC0", "topics": "", "split": "train"})
    for language in ("en", "de"):
        prompts[f"text_{language}"] = [f"{key} in {language}" for key in keys]
    rows = [
        {"item": f"{key}-{context}", "prompt": key, "context": context, "review": "approved", "model": "m"}
        | {f"text_{language}": f"{context} answer to {key} in {language}" for language in ("en", "de")}
        for key in keys
        for context in ("none", "kind")
    ]
    return prompts, pd.DataFrame(rows)


def fielded(database: Database, study: Study, plan: Plan = PLAN, n_prompts: int = 6) -> None:
    """Put the study into the database: instrument, quotas, items."""

    def work(connection: Connection) -> None:
        instrument.register(connection, study, NOW)
        quotas.set_up(connection, study)
        pool.fill(connection, study, plan, *corpus(n_prompts), seed=1)

    database.run(work)


AGREED = {"participation": True, "opinion": True}
PERSON = {"gender": "she", "age": "old"}


def enter(
    database: Database, study: Study, plan: Plan = PLAN, screening: Mapping[str, str] | None = None, now: datetime = NOW
) -> participants.Started:
    """Somebody agrees to everything and passes the screening where there is one."""

    def work(connection: Connection) -> participants.Started:
        started = participants.start(connection, study, plan, language="de", origin="open", agreed=AGREED, now=now)
        if screening is not None:
            who = started.participant.participant
            asked = screened_questions(study, plan)
            participants.save_answers(connection, study, started.participant, screening, asked, now)
            return participants.Started(participants.admit(connection, study, plan, who, now), started.token)
        return started

    return database.run(work)


def next_item(
    database: Database, study: Study, who: participants.Participant, plan: Plan = PLAN, now: datetime = NOW
) -> assignment.Assignment | None:
    return database.run(
        lambda connection: assignment.next_item(connection, plan, who.participant, who.cell, study.items_per_rater, now)
    )


COMPLETE = answers.Given(ratings={"toxicity": 1, "helpfulness": 3}, checks={0: 2})


def rate(
    database: Database,
    study: Study,
    who: participants.Participant,
    which: str,
    given: answers.Given = COMPLETE,
    *,
    final: bool = True,
    now: datetime = NOW,
) -> answers.Saved:
    return database.run(lambda connection: answers.save(connection, study, who, which, given, final=final, now=now))


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)
