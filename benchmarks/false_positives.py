"""How often the pipeline claims a difference: where none was planted, and where one was.

    python benchmarks/false_positives.py [--policy words|transformer] [--replications N] [--planted KIND ...]

One replication is the whole path on simulated raters with known tastes, made cheap by the model alone: ratings ->
preference pairs under two conditions (`make_pairs`, `match`) -> models tuned by direct preference optimisation, three
seeds each -> responses to held-out prompts -> the ordinal judge, trained on the ratings of other raters -> contrast of
the conditions with the crossed bootstrap, Holm over two dimensions, and regrouped raters where groups are compared. All
of this is the package's own code, except for the tuned model and that the judge reads counts of words without sentence
embeddings. With `--policy words` the model is one of single words, 40 logits in numpy (policy_words.py); with
`--policy transformer` a small Llama, tuned and sampled by the package (policy_transformer.py).

Planted are: a group of raters that does not care, beside one that does; raters of one taste who disagree by noise
alone, so that in equal steps the majority's certain labels move a model further than every rating's uncertain ones;
distinctions that only a fine scale has. In each the first condition must come out better. The placebo compares random
halves of raters with one taste.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from policy_words import WordsPolicy

from pluralign.evaluation import features, ordinal
from pluralign.evaluation.comparison import Scores, contrasts, with_claims
from pluralign.evaluation.models import Comparison, EvaluatedModel
from pluralign.evaluation.permutation import group_permutation
from pluralign.evaluation.ratings import rated_texts, read_ratings
from pluralign.feedback import Feedback, split_raters
from pluralign.preferences import make_pairs, match
from pluralign.study import Condition, Experiment, Study, create, load

FloatArray = NDArray[np.float64]

WORDS = tuple(f"{first}{second}" for first in ("ka", "lo", "mi", "ne", "su") for second in "bdfgklmn")
LENGTH, PROMPTS, PER_PROMPT, HELD_OUT, RATERS, PER_RATER = 10, 40, 4, 10, 160, 12
SEEDS, SAMPLES = (1, 2, 3), 4
DRAWS = 99
DIMENSIONS = ("emotional_awareness", "toxicity")
CONDITIONS = {
    "placebo": ({"half": "first"}, {"half": "second"}),
    "whose": ({"whose": "country == 'us'"}, {"whose": "country == 'de'"}),
    "disagreement": ({"policy": "majority", "ties": "drop"}, {}),
    "scale": ({}, {"scale": 2, "neutral": "drop"}),
}


# By name; of the words that responses are made of.
PROMPT_TEXTS = {f"p{number:02}": f"{WORDS[number]} {WORDS[(7 * number + 3) % len(WORDS)]}" for number in range(PROMPTS)}


class Policy(Protocol):
    """A language model that can be tuned. ``prompts`` are named, ``texts`` those of the items in ``pairs``."""

    name: str

    def base(self, prompts: Sequence[str], seed: int) -> list[str]:
        """A response of the base model to each prompt."""

    def tuned(self, pairs: pd.DataFrame, texts: Mapping[str, str], prompts: Sequence[str], seed: int) -> list[str]:
        """A response to each prompt after tuning on ``pairs``; equal seeds draw equal random numbers."""


def study_of(kind: str, base: Study) -> Study:
    """The template `minimal` with one experiment of two conditions."""
    made = tuple(
        Condition.model_validate({"key": key, "policy": "preserve", "scale": 5, "comparisons": "across", **changes})
        for key, changes in zip(("first", "second"), CONDITIONS[kind], strict=True)
    )
    experiment = Experiment(key=kind, objective={DIMENSIONS[0]: 1.0}, conditions=made)
    settings = base.evaluation.model_copy(update={"permutations": DRAWS})
    return base.model_copy(update={"experiments": (experiment,), "evaluation": settings})


def corpus(rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    names = list(PROMPT_TEXTS)
    prompts = pd.DataFrame(
        {"prompt": names, "text_en": PROMPT_TEXTS.values(), "source": "none", "licence": "none", "topics": ""}
    )
    prompts["split"] = ["held-out" if number < HELD_OUT else "train" for number in range(PROMPTS)]
    rows = [(f"{prompt}-{number}", prompt) for prompt in names for number in range(PER_PROMPT)]
    items = pd.DataFrame(rows, columns=["item", "prompt"])
    items["text_en"] = [" ".join(rng.choice(WORDS, LENGTH)) for _ in rows]
    return prompts, items.assign(context=None, model="none", generation="{}", review="approved")


def qualities(texts: Sequence[str], worth: FloatArray) -> FloatArray:
    """Mean worth of a text's words on both dimensions, standardised for random texts, (n, 2)."""
    place = {word: number for number, word in enumerate(WORDS)}
    means = np.array([worth[[place[word] for word in text.split()]].mean(axis=0) for text in texts])
    return means * np.sqrt(LENGTH)


def feedback_of(kind: str, rng: np.random.Generator, worth: FloatArray) -> Feedback:
    """Ratings of random texts by simulated people."""
    prompts, items = corpus(rng)
    raters = pd.DataFrame({"rater": [f"r{number:03}" for number in range(RATERS)], "language": "en"})
    raters = raters.assign(origin="simulated", weight=1.0, flags="")
    raters["country"] = rng.permutation(["us", "de"] * (RATERS // 2))
    quality = qualities(items["text_en"].tolist(), worth)
    lines = []
    for rater, country in zip(raters["rater"], raters["country"], strict=True):
        seen = rng.choice(len(items), PER_RATER, replace=False)
        leniency = rng.normal(0, 0.5)
        for column, dimension in enumerate(DIMENSIONS):
            taste = 0.0 if kind == "whose" and country == "de" and column == 0 else 1.0
            latent = taste * quality[seen, column] + leniency + rng.logistic(0, 0.5, PER_RATER)
            values = 1 + (latent[:, None] > np.array([-1.5, -0.5, 0.5, 1.5])).sum(axis=1)
            if kind == "scale" and column == 0:
                values = np.where(rng.random(PER_RATER) < 0.05, 2, 4 + (latent > 0))
            lines += [(rater, items["item"].iloc[at], dimension, value) for at, value in zip(seen, values, strict=True)]
    ratings = pd.DataFrame(lines, columns=["rater", "item", "dimension", "value"])
    ratings = ratings.assign(seconds=None, position=None, time=None, attention=None)
    return Feedback.of(prompts, items, raters, ratings, 5)


def responses(texts: Sequence[str], place: str) -> pd.DataFrame:
    """The table of a model's responses to `asked`."""
    items = [f"{place}/{number}" for number in range(len(texts))]
    return pd.DataFrame({"item": items, "prompt": asked(), "text": texts})


def asked() -> list[str]:
    """Every held-out prompt, as often as responses are sampled."""
    return [name for name in list(PROMPT_TEXTS)[:HELD_OUT] for _ in range(SAMPLES)]


def judged(learnt: pd.DataFrame, answers: pd.DataFrame) -> pd.DataFrame:
    """What the ordinal judge says of the answers: `prompt, dimension, value`."""
    parts = []
    for dimension in DIMENSIONS:
        rated = rated_texts(learnt, dimension, 5)
        texts = rated.texts["text"].tolist()
        seen = features.learn(texts, np.zeros((len(texts), 1)))
        read = seen.of(texts, np.zeros((len(texts), 1)))
        prior_sd, _ = ordinal.choose_prior_sd(read, rated.counts, rated.groups, (0.25, 1.0, 4.0), 4)
        model = ordinal.fit(read, rated.counts, prior_sd)
        values = model.predict_expected(seen.of(answers["text"].tolist(), np.zeros((len(answers), 1))))
        parts.append(answers[["item", "prompt"]].assign(dimension=dimension, value=values))
    return pd.concat(parts, ignore_index=True)


def replicate(kind: str, seed: int, base: Study, policy: Policy) -> pd.DataFrame:
    """The contrast of both conditions, a row per dimension."""
    rng = np.random.default_rng([seed, list(CONDITIONS).index(kind)])
    worth = rng.normal(0, 1, (len(WORDS), 2))
    study, feedback = study_of(kind, base), feedback_of(kind, rng, worth)
    study = study.model_copy(update={"evaluation": study.evaluation.model_copy(update={"seed": seed})})
    tuning, judging = split_raters(feedback, study.evaluation.judge_raters, seed)
    tuning, learnt = tuning.on_split("train"), read_ratings(judging.on_split("train"), "en")
    (experiment,) = study.experiments
    desirable = {one.key: one.desirable for one in study.dimensions}
    salt = f"{seed}/{kind}"
    pairs = {
        one.key: make_pairs(tuning, one, experiment.objective, desirable=desirable, language="en", salt=salt)[0]
        for one in experiment.conditions
    }
    matched = {key: table for key, (table, _) in match(pairs, seed).items()}
    texts = dict(zip(feedback.items["item"], feedback.items["text_en"], strict=True))
    answers, comparisons = [], []
    for number in SEEDS:
        ours = seed * 10 + number
        models = {key: _model(kind, key, number, policy.name) for key in ("base", *matched)}
        answers.append(responses(policy.base(asked(), ours), models["base"].place))
        for key, table in matched.items():
            answers.append(responses(policy.tuned(table, texts, asked(), ours), models[key].place))
            comparisons.append(Comparison(models[key], models["base"]))
    scored = judged(learnt, pd.concat(answers, ignore_index=True))
    place = scored["item"].str.rsplit("/", n=1).str[0]
    scores = Scores({str(name): part for name, part in scored.groupby(place)})
    table = contrasts(comparisons, scores, study, {(key, "en"): "unmeasured" for key in study.dimension_keys})
    return with_claims(table, group_permutation(study, tuning, DRAWS))


def _model(kind: str, condition: str, seed: int, name: str) -> EvaluatedModel:
    place = f"{kind}/{condition}/{seed}"
    return EvaluatedModel(place=place, experiment=kind, condition=condition, seed=seed, name=name, language="en")


def report(kind: str, replications: int, base: Study, policy: Policy) -> None:
    """Run the replications and print how often something was claimed."""
    started, lines = time.process_time(), []
    for seed in range(replications):
        found = replicate(kind, seed, base, policy)
        aim = found.loc[found["dimension"] == DIMENSIONS[0]].iloc[0]
        lines.append((aim["difference"] > 0, aim["claimed"], found["claimed"].any(), (found["p_holm"] < 0.05).any()))
    right, claimed, anything, alone = np.array(lines, dtype=float).mean(axis=0)
    seconds = (time.process_time() - started) / len(lines)
    print(
        f"{kind}, {policy.name}: {len(lines)} replications, first better {right:.0%}, claimed {claimed:.0%}, anything "
        f"claimed {anything:.0%}, by seeds and prompts alone {alone:.0%}; {seconds:.1f} s of processor each",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--policy", choices=("words", "transformer"), default="words")
    parser.add_argument("--replications", type=int, default=100, help="of the placebo; a fifth of it of the others")
    parser.add_argument("--planted", nargs="+", choices=tuple(CONDITIONS), default=tuple(CONDITIONS))
    given = parser.parse_args()
    for kind in given.planted:
        with tempfile.TemporaryDirectory() as folder:
            base = load(create(Path(folder) / "study", "minimal"))
            number = given.replications if kind == "placebo" else max(given.replications // 5, 1)
            report(kind, number, base, policy_of(given.policy, kind, Path(folder)))


def policy_of(name: str, kind: str, folder: Path) -> Policy:
    """The policy model of that name."""
    if name == "words":
        return WordsPolicy(WORDS, LENGTH)
    from policy_transformer import TransformerPolicy

    # AdamW steps as far on small gradients as on large ones. Certain labels move a model further than uncertain ones
    # only where the loss comes near its optimum, which a large beta brings about within a few steps.
    return TransformerPolicy(WORDS, LENGTH, PROMPT_TEXTS, folder, beta=4.0 if kind == "disagreement" else 0.1)


if __name__ == "__main__":
    main()
