from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file
from transformers import AutoTokenizer

from pluralign.errors import ConfigError, DataError, MismatchError
from pluralign.folder import StudyFolder
from pluralign.language_models import load
from pluralign.manifests import digest_file, read_manifest, write_manifest
from pluralign.progress import Silent
from pluralign.training import base_models, discard_changed_runs, train
from pluralign.training.failures import RunsFailedError, read_failure
from pluralign.training.materials import Materials
from pluralign.training.rows import tokenise
from pluralign.training.schedule import planned_runs
from pluralign.training.tokens import answered
from pluralign.training.tuning import run as tuning
from pluralign.training.tuning.log import read_log
from tests.training.examples import PAIRS_A, PAIRS_B, QUESTIONS, TONES, study, study_folder, write_pairs, write_texts


class Listener(Silent):
    """Remembers what was reported; may interrupt as Ctrl-C does after some steps."""

    def __init__(self, interrupt_after: int | None = None) -> None:
        self.said: list[str] = []
        self.started: list[tuple[str, int | None]] = []
        self.notes: list[str] = []
        self.steps = 0
        self._interrupt_after = interrupt_after

    def start(self, what: str, total: int | None = None) -> None:
        self.started.append((what, total))

    def say(self, text: str) -> None:
        self.said.append(text)

    def advance(self, n: int = 1, note: str = "") -> None:
        self.notes.append(note)
        self.steps += n if "loss" in note else 0
        if self._interrupt_after is not None and self.steps == self._interrupt_after:
            raise KeyboardInterrupt


def weights(folder: StudyFolder, condition: str = "a", seed: int = 1) -> dict[str, Any]:
    return load_file(folder.run("trial", condition, seed) / "adapter/adapter_model.safetensors")


def equal(first: dict[str, Any], second: dict[str, Any]) -> bool:
    return first.keys() == second.keys() and all(np.array_equal(first[name], second[name]) for name in first)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, tiny: Path) -> StudyFolder:
    folder = study_folder(tmp_path_factory.mktemp("study"))
    train(folder, study(tiny, seeds=(1, 2)))
    return folder


def copied(folder: StudyFolder, to: Path) -> StudyFolder:
    shutil.copytree(folder.root, to, dirs_exist_ok=True)
    return StudyFolder(to)


def test_every_condition_and_seed_becomes_an_adapter_and_nothing_is_left_lying_about(finished: StudyFolder) -> None:
    runs = sorted(path.relative_to(finished.runs).as_posix() for path in finished.runs.glob("*/*/*"))
    assert runs == ["trial/a/seed-1", "trial/a/seed-2", "trial/b/seed-1", "trial/b/seed-2"]
    for run in runs:
        files = {path.relative_to(finished.runs / run).as_posix() for path in (finished.runs / run).rglob("*")}
        assert files == {
            "adapter",
            "adapter/adapter_config.json",
            "adapter/adapter_model.safetensors",
            "done.json",
            "log.jsonl",
            "manifest.json",
        }


def test_each_step_leaves_a_line_in_the_log(finished: StudyFolder) -> None:
    lines = read_log(finished.run("trial", "b", 1))
    assert [line["step"] for line in lines] == [1, 2, 3, 4]
    for line in lines:
        assert {"loss", "margin", "agreement", "learning_rate", "grad_norm", "seconds"} <= line.keys()
    # The adapter begins as nothing, so the tuned model begins as the reference model.
    assert lines[0]["loss"] == pytest.approx(np.log(2), abs=1e-3)
    assert lines[0]["margin"] == pytest.approx(0, abs=1e-3)


def test_the_manifest_tells_what_the_run_was_made_from(finished: StudyFolder, tiny: Path) -> None:
    manifest = read_manifest(finished.run("trial", "a", 2))
    assert manifest.seed == 2
    assert manifest.inputs.keys() == {"pairs", "texts", "base model"}
    assert manifest.inputs["pairs"] == read_manifest(finished.pairs("trial", "a")).digest
    assert manifest.config["settings"]["learning_rate"] == 0.01
    assert (manifest.rows_in, manifest.rows_out, manifest.dropped) == (4, 4, {"too_long": 0, "not_reached": 0})
    assert {"torch", "trl", "peft"} <= manifest.versions.keys()
    for file in finished.runs.rglob("*.json"):
        assert str(tiny.parent) not in file.read_text()
        assert str(finished.root) not in file.read_text()


def test_a_table_says_what_each_model_read_and_how_far_it_moved(finished: StudyFolder, tiny: Path) -> None:
    table = pd.read_csv(finished.runs / "trial" / "models.csv").set_index(["condition", "seed"])
    assert list(table.index) == [("a", 1), ("a", 2), ("b", 1), ("b", 2)]
    assert (table[["state", "method", "rows_seen", "too_long", "steps"]] == ["finished", "dpo", 4, 0, 4]).all(axis=None)
    tokenizer = AutoTokenizer.from_pretrained(str(tiny))
    read = 0
    for prompt, question in QUESTIONS.items():
        kind, rude = (
            answered(tokenizer, [{"role": "user", "content": question}], f"{text} ({prompt})")
            for text in TONES.values()
        )
        read += len(kind[0]) + len(kind[1]) + len(rude[1])
    # Four steps of two pairs pass twice over the four pairs.
    assert (table["tokens"] == 2 * read).all()
    for row in table.reset_index().to_dict("records"):
        done = json.loads((finished.run("trial", row["condition"], row["seed"]) / "done.json").read_text())
        assert row["last_loss"] == pytest.approx(done["loss"]["last"], abs=1e-6)
        assert row["divergence"] == done["kl"]["per_token"] > 0


def test_seeds_and_conditions_differ_but_conditions_begin_alike(finished: StudyFolder) -> None:
    assert not equal(weights(finished, "a", 1), weights(finished, "a", 2))
    assert not equal(weights(finished, "a", 1), weights(finished, "b", 1))
    first = [read_log(finished.run("trial", condition, 1))[0]["margin"] for condition in "ab"]
    assert first[0] == first[1]


def test_the_same_study_gives_the_same_bytes(finished: StudyFolder, tiny: Path, tmp_path: Path) -> None:
    again = study_folder(tmp_path)
    train(again, study(tiny))
    for name in ("adapter/adapter_model.safetensors", "adapter/adapter_config.json", "done.json", "manifest.json"):
        for condition in "ab":
            run = finished.run("trial", condition, 1) / name
            assert (again.run("trial", condition, 1) / name).read_bytes() == run.read_bytes(), name


def test_finished_runs_are_kept_and_reported(finished: StudyFolder, tiny: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in finished.runs.rglob("*")}
    listener = Listener()
    results = train(finished, study(tiny, seeds=(1, 2)), progress=listener)
    assert {path: path.stat().st_mtime_ns for path in finished.runs.rglob("*")} == before
    assert listener.started == []
    assert [str(result.key) for result in results] == [f"trial/{name}/seed-{n}" for name in "ab" for n in (1, 2)]
    assert all(result.earlier and result.steps == 4 and result.rows == 4 for result in results)
    assert results[0].adapter.is_dir()


def test_a_stopped_run_goes_on_and_ends_with_the_same_weights(
    finished: StudyFolder, tiny: Path, tmp_path: Path
) -> None:
    folder = study_folder(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        train(folder, study(tiny), progress=Listener(interrupt_after=3))
    run = folder.run("trial", "a", 1)
    assert not (run / "done.json").exists()
    # What a kill in the middle of writing a checkpoint or a line leaves behind.
    (run / "checkpoints/checkpoint-3").mkdir(exist_ok=True)
    (run / "checkpoints/checkpoint-3/complete").unlink(missing_ok=True)
    with (run / "log.jsonl").open("a") as log:
        log.write('{"step": 3, "lo')
    listener = Listener()
    train(folder, study(tiny), progress=listener)
    assert listener.steps == 4 - 2 + 4
    assert equal(weights(folder), weights(finished))
    assert [line["step"] for line in read_log(run)] == [1, 2, 3, 4]
    losses = [[line["loss"] for line in read_log(one.run("trial", "a", 1))] for one in (folder, finished)]
    assert losses[0] == losses[1]


def test_pairs_of_earlier_ratings_are_named(finished: StudyFolder, tiny: Path, tmp_path: Path) -> None:
    folder = copied(finished, tmp_path)
    ratings = folder.data / "ratings.parquet"
    ratings.write_bytes(b"ratings")
    pairs = folder.pairs("trial", "a")
    stated = read_manifest(pairs)
    write_manifest(pairs, replace(stated, inputs={"data/ratings.parquet": digest_file(ratings)}))
    listener = Listener()
    train(folder, study(tiny), progress=listener)
    assert listener.said == []
    ratings.write_bytes(b"others")
    train(folder, study(tiny), progress=listener)
    (said,) = listener.said
    assert said.startswith("Experiment trial, condition a: its pairs were made from other ratings than those")
    assert said.endswith("`pluralign prefer` makes them anew.")


def test_a_run_killed_after_its_last_step_is_only_closed(
    finished: StudyFolder, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    folder = study_folder(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(tuning, "write_done", killed)
        with pytest.raises(KeyboardInterrupt):
            train(folder, study(tiny))
    listener = Listener()
    train(folder, study(tiny), progress=listener)
    assert listener.steps == 4
    assert equal(weights(folder), weights(finished))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("pairs", r"pairs \([0-9a-f]{8}…, now [0-9a-f]{8}…\)"),
        ("texts", "texts"),
        ("settings", r"learning_rate \(0.01, now 0.02\)"),
        ("model", "base model"),
        ("adapter", r"adapter \(missing or damaged\)"),
        ("adapter's settings", r"adapter \(missing or damaged\)"),
        ("done", r"adapter \(missing or damaged\)"),
        ("manifest", r"manifest.json \(damaged\)"),
    ],
)
def test_a_changed_input_is_named_and_restart_discards_only_what_changed(
    finished: StudyFolder, tiny: Path, tmp_path: Path, change: str, named: str
) -> None:
    folder, changed = copied(finished, tmp_path / "study"), study(tiny)
    run = folder.run("trial", "a", 1)
    match change:
        case "pairs":
            write_pairs(folder, "a", PAIRS_A[:3])
        case "texts":
            write_texts(folder, TONES | {"kind": "Dear friend, it is up to you."})
        case "settings":
            changed = study(tiny, learning_rate=0.02)
        case "model":
            other = shutil.copytree(tiny, tmp_path / "other")
            config = json.loads((other / "config.json").read_text()) | {"rms_norm_eps": 1e-5}
            (other / "config.json").write_text(json.dumps(config))
            changed = study(other)
        case "adapter":
            (run / "adapter/adapter_model.safetensors").write_bytes(b"")
        case "adapter's settings":
            (run / "adapter/adapter_config.json").unlink()
        case "done":
            done = json.loads((run / "done.json").read_text())
            (run / "done.json").write_text(json.dumps({"adapter": done["adapter"]}))
        case "manifest":
            (run / "manifest.json").write_text("{")
    with pytest.raises(MismatchError, match=f"different: .*{named}.*--restart"):
        train(folder, changed)
    discarded = {key.condition for key in discard_changed_runs(folder, changed)}
    of_one = {"pairs", "adapter", "adapter's settings", "done", "manifest"}
    assert discarded == ({"a"} if change in of_one else {"a", "b"})
    assert not run.exists()
    assert folder.run("trial", "a", 2).exists()
    assert discard_changed_runs(folder, changed) == []


def test_rows_that_are_too_long_are_counted_and_told(tiny: Path, tmp_path: Path) -> None:
    folder = study_folder(tmp_path)
    write_texts(folder, TONES)
    listener = Listener()
    lengths = sorted(_lengths(folder, tiny))
    assert lengths[0] < lengths[-1]
    (result, _) = train(folder, study(tiny, max_length=lengths[-1] - 1), progress=listener)
    assert result.too_long == lengths.count(lengths[-1])
    assert read_manifest(result.folder).dropped["too_long"] == result.too_long
    assert f"{result.too_long} of 4 rows are longer than training.max_length" in listener.said[0]
    assert len(listener.said) == 2
    with pytest.raises(RunsFailedError, match=f"condition a: none of the 4 rows fits .* needs {lengths[0]}"):
        train(StudyFolder(study_folder(tmp_path / "other").root), study(tiny, max_length=5))


def _lengths(folder: StudyFolder, model: Path) -> list[int]:
    (plan, *_), _ = planned_runs(folder, study(model))
    return [row.length for row in tokenise(plan.table, plan.pairs, Materials(folder).tokeniser(plan))]


def test_a_run_without_a_finite_loss_fails_and_the_others_go_on(tiny: Path, tmp_path: Path) -> None:
    folder = study_folder(tmp_path, {"a": [(*pair[:3], float("inf")) for pair in PAIRS_A], "b": PAIRS_B})
    with pytest.raises(RunsFailedError, match="1 run failed; the other finished") as raised:
        train(folder, study(tiny))
    assert raised.value.exit_code == 1
    assert [str(result.key) for result in raised.value.results] == ["trial/b/seed-1"]
    run = folder.run("trial", "a", 1)
    assert read_log(run)[-1] == {"step": 1, "error": "the loss is inf in step 1"}
    assert {path.name for path in run.iterdir()} == {"failed.json", "log.jsonl"}
    failure = read_failure(run)
    assert failure is not None
    assert failure["kind"] == "ConvergenceError"
    assert re.search(r"the loss is inf in step 1\. Lower training\.learning_rate", failure["reason"])
    table = folder.runs / "trial" / "models.csv"
    assert pd.read_csv(table)["state"].tolist() == ["failed", "finished"]
    # Once the cause is mended, the same command does what is missing, and nothing says any more that it failed.
    write_pairs(folder, "a", PAIRS_A)
    results = train(folder, study(tiny))
    assert pd.read_csv(table)["state"].tolist() == ["finished", "finished"]
    assert [result.earlier for result in results] == [False, True]
    assert read_failure(run) is None


def test_a_lack_of_memory_and_what_nobody_foresaw_are_failures_of_one_run(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    errors = [RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), ZeroDivisionError("by chance")]

    def fails(*_: Any, **__: Any) -> None:
        raise errors.pop(0)

    monkeypatch.setattr(tuning, "_optimise", fails)
    folder = study_folder(tmp_path)
    with pytest.raises(RunsFailedError, match=r"(?s)a/seed-1: Out of memory\. Halve.*b/seed-1: .*ZeroDivisionError"):
        train(folder, study(tiny))
    written = [json.loads((folder.run("trial", name, 1) / "failed.json").read_text()) for name in "ab"]
    assert ["traceback" in content for content in written] == [False, True]


def test_conditions_without_pairs_fail_alone_and_no_pairs_at_all_are_a_mistake(tiny: Path, tmp_path: Path) -> None:
    folder = study_folder(tmp_path / "one", {"a": PAIRS_A})
    with pytest.raises(RunsFailedError, match=r"condition b\. `pluralign prefer` makes them") as raised:
        train(folder, study(tiny, steps=1))
    assert len(raised.value.results) == 1
    nothing = study_folder(tmp_path / "none", {"c": PAIRS_A})
    with pytest.raises(DataError, match=r"no preference pairs .*`pluralign prefer`"):
        train(nothing, study(tiny))
    with pytest.raises(ConfigError, match='no experiment "else"; allowed: trial'):
        train(folder, study(tiny), only=["else"])
    with pytest.raises(ConfigError, match='no run "trial/c/seed-1"; allowed: trial/a/seed-1, trial/b/seed-1'):
        train(folder, study(tiny), named=["trial/c/seed-1"])
    assert not nothing.runs.exists()


def test_a_missing_model_is_a_failure_that_names_the_folder(tmp_path: Path) -> None:
    folder = study_folder(tmp_path)
    with pytest.raises(RunsFailedError, match=r"2 runs failed; there is no other.*\n.*no such model folder"):
        train(folder, study(tmp_path / "absent"))


def test_model_tokens_and_reference_are_made_once(
    finished: StudyFolder, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[Path] = []

    def counted(folder: Path, **arithmetic: Any) -> Any:
        loaded.append(folder)
        return load(folder, **arithmetic)

    monkeypatch.setattr(base_models, "load", counted)
    folder = copied(finished, tmp_path / "study")
    shutil.rmtree(folder.runs / "trial")
    listener = Listener()
    train(folder, study(tiny), progress=listener)
    assert loaded == [tiny]
    # The responses were scored by the call that made the finished runs.
    assert listener.started == [("Tuning 2 models", 8)]
    assert equal(weights(folder, "b"), weights(finished, "b"))


def test_how_far_a_model_moved_from_the_reference_is_stated(finished: StudyFolder) -> None:
    kl = json.loads((finished.run("trial", "a", 1) / "done.json").read_text())["kl"]
    assert kl["per_token"] > 0
    assert kl["responses"] == 4
    assert kl["per_response"] == pytest.approx(kl["per_token"] * kl["tokens"] / 4, rel=1e-3)


def test_nothing_is_sent_anywhere_and_random_states_are_left_alone_and_progress_is_told(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch
    import trl.trainer.base_trainer

    def sent(*_: Any, **__: Any) -> None:
        raise AssertionError("telemetry was sent")

    monkeypatch.setattr(trl.trainer.base_trainer, "send_telemetry", sent)
    monkeypatch.delenv("CI", raising=False)
    before = (torch.get_rng_state(), np.random.get_state(legacy=False))
    listener = Listener()
    train(study_folder(tmp_path), study(tiny), progress=listener)
    # The time to expect covers all models.
    assert listener.started == [("Scoring responses with the base model", 8), ("Tuning 2 models", 8)]
    assert torch.equal(torch.get_rng_state(), before[0])
    assert str(np.random.get_state(legacy=False)) == str(before[1])
