"""The judge: what it learns, what it says of new texts, what it leaves unscored."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pluralign.errors import JudgeError
from pluralign.evaluation.agreement import People, agreement
from pluralign.evaluation.judge import Judge, train
from pluralign.evaluation.judging import OrdinalJudge, judgements
from pluralign.language_models.embeddings import Embedder
from pluralign.progress import SILENT
from pluralign.stats.ranks import spearman
from tests.evaluation.examples import WORDS


def ratings(first_prompt: int, prompts: int, rater: str, seed: int) -> pd.DataFrame:
    """Ratings of three texts a prompt by four raters: the more kind and the fewer harsh words, the higher."""
    generator, noise = random.Random(seed), np.random.default_rng(seed)
    rows = []
    for number in range(3 * prompts):
        words = generator.choices(WORDS, k=12)
        quality = sum(word in {"feel", "listen", "help", "thank"} for word in words)
        quality -= sum(word in {"stupid", "never", "must"} for word in words)
        for person in range(4):
            value = int(np.clip(round(3 + 1.2 * quality + noise.normal(0, 0.7)), 1, 5))
            prompt = f"p{first_prompt + number // 3}"
            rows.append((f"{rater}{person}", f"{prompt}-{number}", prompt, " ".join(words) + ".", value, quality))
    frame = pd.DataFrame(rows, columns=["rater", "item", "prompt", "text", "value", "quality"])
    return frame.assign(dimension="kindness", weight=1.0, language="en")


@pytest.fixture(scope="module")
def embedder(tmp_path_factory: pytest.TempPathFactory) -> Embedder:
    return Embedder(tmp_path_factory.mktemp("judge") / "embeddings.npz")


@pytest.fixture(scope="module")
def judge(embedder: Embedder) -> Judge:
    return train(ratings(0, 20, "judge", seed=1), ["kindness", "clarity"], 5, embedder)


def test_the_judge_orders_texts_of_unseen_prompts_as_raters_would(judge: Judge, embedder: Embedder) -> None:
    unseen = ratings(100, 15, "tuning", seed=2).drop_duplicates("text")
    texts = unseen["text"].tolist()
    values = judge.expected("kindness", texts, embedder.embed(texts))
    assert ((values > 1) & (values < 5)).all()
    assert spearman(values, unseen["quality"].to_numpy(dtype=float))[0] > 0.6


def held_against(rows: pd.DataFrame, dimensions: tuple[str, ...], languages: tuple[str, ...] = ("en",)) -> People:
    """People whose ratings these are, half of them in one group."""
    groups = {"city": {f"tuning{number}": "north" if number < 2 else "south" for number in range(4)}}
    return People(
        rows=rows,
        prompts={},
        dimensions=dimensions,
        languages=languages,
        points=5,
        means={"kindness": 3.0},
        groups=groups,
        min_raters=2,
        planted=None,
        seed=0,
    )


def test_agreement_is_stated_with_intervals_and_baseline(judge: Judge, embedder: Embedder) -> None:
    unseen = ratings(100, 15, "tuning", seed=2)
    overall, by_group = agreement(OrdinalJudge(judge, embedder, {}), held_against(unseen, ("kindness",)))
    (row,) = overall.to_dict("records")
    assert (row["prompts"], row["texts"], row["raters"], row["ratings"]) == (15, 45, 4, 180)
    for name in ("spearman", "alpha", "mean_error", "mean_error_gain"):
        assert row[f"{name}_low"] < row[name] < row[f"{name}_high"]
    assert row["mean_error_gain"] == pytest.approx(row["mean_error_baseline"] - row["mean_error"])
    assert row["spearman_ceiling"] > 0.9
    assert row["verdict"] == "good"
    assert by_group["group_label"].tolist() == ["north", "south"]
    assert by_group["raters"].tolist() == [2, 2]
    assert (by_group["alpha_low"] < by_group["alpha"]).all()


def test_a_group_of_too_few_has_its_number_and_no_agreement(judge: Judge, embedder: Embedder) -> None:
    people = held_against(ratings(100, 15, "tuning", seed=2), ("kindness",))
    few = {"city": {"tuning0": "north", "tuning1": "south", "tuning2": "south", "tuning3": "south"}}
    _, by_group = agreement(OrdinalJudge(judge, embedder, {}), replace(people, groups=few))
    assert by_group["verdict"].tolist() == ["unmeasured", "good"]
    assert by_group["raters"].tolist() == [1, 3]


def test_a_judge_of_ratings_without_rhyme_or_reason_is_called_poor(embedder: Embedder) -> None:
    generator = np.random.default_rng(0)
    random_ratings = [
        frame.assign(value=generator.integers(1, 6, size=len(frame)))
        for frame in (ratings(0, 20, "judge", seed=1), ratings(100, 15, "tuning", seed=2))
    ]
    clueless = train(random_ratings[0], ["kindness"], 5, embedder)
    overall, _ = agreement(OrdinalJudge(clueless, embedder, {}), held_against(random_ratings[1], ("kindness",)))
    (row,) = overall.to_dict("records")
    assert row["verdict"] == "poor"
    assert "prove nothing" in row["meaning"]


def test_agreement_that_cannot_be_measured_is_said_to_be_so(judge: Judge, embedder: Embedder) -> None:
    few = ratings(100, 1, "tuning", seed=2)
    people = held_against(few, ("kindness", "clarity"), ("en", "de"))
    table, _ = agreement(OrdinalJudge(judge, embedder, {}), people)
    assert table["verdict"].tolist() == ["unmeasured"] * 4
    assert table["texts"].tolist() == [3, 0, 0, 0]


def test_what_cannot_be_read_is_unscored_with_a_reason_and_never_a_number(judge: Judge, embedder: Embedder) -> None:
    texts = pd.Series(["I listen and help.", "", None, "12 !", "word " * 5000])
    asked = pd.DataFrame({"item": [f"i{number}" for number in range(5)], "text": texts, "prompt": "", "language": "en"})
    table = judgements(OrdinalJudge(judge, embedder, {}), asked, ["kindness", "clarity"], 5, SILENT)
    kindness, clarity = (table.loc[table["dimension"] == name] for name in ("kindness", "clarity"))
    assert kindness["status"].tolist() == ["scored", *["unscored"] * 4]
    reasons = ["empty reply", "empty reply", "no words", "longer than 20000 characters"]
    assert kindness["reason"].tolist()[1:] == reasons
    assert pd.isna(kindness["reason"].iloc[0])
    assert kindness["value"].isna().tolist() == [False, True, True, True, True]
    assert len(json.loads(str(kindness["raw"].iloc[0]))) == 5
    assert set(clarity["status"]) == {"unscored"}
    assert clarity["value"].isna().all()


def test_no_ratings_at_all_make_no_judge(embedder: Embedder) -> None:
    with pytest.raises(JudgeError, match="no ratings"):
        train(ratings(0, 1, "judge", seed=1).iloc[:0], ["kindness"], 5, embedder)


def test_embeddings_are_kept_and_do_not_depend_on_company(tmp_path: Path) -> None:
    file = tmp_path / "embeddings.npz"
    texts = ["Women lead.", "Frauen führen.", "The cat sleeps on the sofa."]
    together = Embedder(file).embed(texts)
    assert together.shape == (3, 512)
    assert np.linalg.norm(together, axis=1) == pytest.approx(1, abs=1e-4)
    assert together[0] @ together[1] > together[0] @ together[2] + 0.2

    class Mute(Embedder):
        def _encode(self, text: str) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
            raise AssertionError(f"read again: {text}")

    assert (Mute(file).embed(texts[::-1]) == together[::-1]).all()
    assert (Embedder(tmp_path / "other.npz").embed(texts[:1]) == together[:1]).all()
    assert Embedder(file).embed([]).shape == (0, 512)
