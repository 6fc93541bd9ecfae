"""The stages after the ratings are in, what each is made from, and which of them are out of date.

A stage that has run leaves ``stage.json`` in its folder: the digests of everything it was made from. It is out of date
when a digest taken now differs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pluralign import __version__
from pluralign.errors import DataError
from pluralign.folder import StudyFolder
from pluralign.manifests import Manifest, digest_file, digest_of, read_manifest
from pluralign.progress import Progress
from pluralign.storage import write_json

if TYPE_CHECKING:
    from pluralign.feedback import Feedback
    from pluralign.study import Study

_RECORD = "stage.json"


@dataclass(frozen=True, slots=True)
class Stage:
    """A step of the study: what it does (``title``), where its results go, and what it is made from.

    ``study_fields`` are the parts of the study file that matter to it, ``files`` the files of other stages, and
    ``named`` those that the study file names, from the study folder.
    """

    name: str
    title: str
    place: Callable[[StudyFolder], Path]
    study_fields: tuple[str, ...]
    files: Callable[[StudyFolder], Iterable[Path]]
    work: Callable[[StudyFolder, Study, Sequence[str] | None, Progress], Any]
    named: Callable[[Study], Iterable[str]] = lambda _: ()

    def inputs(self, folder: StudyFolder, study: Study, only: Sequence[str] | None) -> dict[str, str]:
        """Digests of everything the stage would be made from now."""
        parts = study.model_dump(mode="json", include=set(self.study_fields))
        digests = {f"study.yaml: {name}": digest_of(value) for name, value in parts.items()}
        digests["experiments asked for"] = digest_of(sorted(only) if only else "all")
        digests["pluralign"] = __version__
        for path in sorted(self.files(folder)):
            digests[path.relative_to(folder.root).as_posix()] = digest_file(path)
        for name in sorted(self.named(study)):
            # One that is missing is left to the stage, which says so; when it comes, the digests differ.
            path = folder.root / name
            digests[f"file named in study.yaml: {name}"] = digest_file(path) if path.is_file() else ""
        return digests

    def is_current(self, folder: StudyFolder, study: Study, only: Sequence[str] | None) -> bool:
        """Whether the stage has run on exactly these inputs."""
        record = self.place(folder) / _RECORD
        try:
            stated = json.loads(record.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return False
        return bool(stated == self.inputs(folder, study, only))

    def run(self, folder: StudyFolder, study: Study, only: Sequence[str] | None, progress: Progress) -> Any:
        """Do the work and note what it was made from."""
        record = self.place(folder) / _RECORD
        record.unlink(missing_ok=True)
        result = self.work(folder, study, only, progress)
        write_json(self.inputs(folder, study, only), record)
        return result


def _analyze(folder: StudyFolder, study: Study, _: Sequence[str] | None, progress: Progress) -> Any:
    from pluralign.feedback import Feedback, Truth
    from pluralign.stats.analysis import analyze

    feedback = Feedback.load(folder.data)
    truth = Truth.load(folder.data) if (folder.data / Truth.FILE).is_file() else None
    digests = {path.name: digest_file(path) for path in sorted(_data_files(folder))}
    planted = truth.level_effects() if truth else None
    return analyze(feedback, study, folder.analysis, truth=planted, progress=progress, inputs=digests, beside=True)


def _prefer(folder: StudyFolder, study: Study, only: Sequence[str] | None, progress: Progress) -> Any:
    from pluralign.preferences import prefer

    return prefer(folder, study, only=only, progress=progress)


def _train(folder: StudyFolder, study: Study, only: Sequence[str] | None, progress: Progress) -> Any:
    from pluralign.training import train

    return train(folder, study, only=only, progress=progress)


def _evaluate(folder: StudyFolder, study: Study, only: Sequence[str] | None, progress: Progress) -> Any:
    from pluralign.evaluation import evaluate

    return evaluate(folder, study, only=only, progress=progress)


def _report(folder: StudyFolder, study: Study, _: Sequence[str] | None, progress: Progress) -> Any:
    from pluralign.report import write_report

    progress.start("Writing the report")
    return write_report(folder, study)


def _data_files(folder: StudyFolder) -> Iterator[Path]:
    yield from folder.data.glob("*.parquet")
    yield from folder.data.glob("truth.json")


def _files_before_training(folder: StudyFolder) -> Iterator[Path]:
    """Pairs, and the ratings: some methods learn from these themselves."""
    yield from _data_files(folder)
    yield from folder.preferences.rglob("pairs.parquet")


def _files_before_evaluation(folder: StudyFolder) -> Iterator[Path]:
    yield from _data_files(folder)
    yield from folder.runs.rglob("done.json")


def _files_of_prompts(study: Study) -> Iterator[str]:
    yield from (prompts.file for prompts in study.evaluation.prompts if prompts.file is not None)


def _files_before_report(folder: StudyFolder) -> Iterator[Path]:
    yield from _files_before_evaluation(folder)
    for place in (folder.analysis, folder.preferences, folder.evaluation):
        yield from place.rglob("*.csv")
    yield from folder.runs.glob("*/*.csv")


_ABOUT_RATINGS = ("dimensions", "scale", "contexts", "demographics")

STAGES: tuple[Stage, ...] = (
    Stage(
        "analyze",
        "How groups differ",
        lambda folder: folder.analysis,
        (*_ABOUT_RATINGS, "languages", "analysis"),
        _data_files,
        _analyze,
    ),
    Stage(
        "prefer",
        "Preference data under each policy",
        lambda folder: folder.preferences,
        (*_ABOUT_RATINGS, "experiments", "training", "evaluation"),
        _data_files,
        _prefer,
    ),
    Stage(
        "train",
        "Tuning models",
        lambda folder: folder.runs,
        ("dimensions", "experiments", "training", "evaluation"),
        _files_before_training,
        _train,
    ),
    Stage(
        "evaluate",
        "What changed in the models",
        lambda folder: folder.evaluation,
        (*_ABOUT_RATINGS, "experiments", "training", "evaluation"),
        _files_before_evaluation,
        _evaluate,
        _files_of_prompts,
    ),
    Stage(
        "report",
        "The report",
        lambda folder: folder.report,
        ("title", "languages", *_ABOUT_RATINGS, "analysis", "experiments", "training", "evaluation"),
        _files_before_report,
        _report,
    ),
)


def stage(name: str) -> Stage:
    """The stage of that name."""
    return next(each for each in STAGES if each.name == name)


def simulate_ratings(folder: StudyFolder, study: Study, *, raters: int | None, seed: int) -> Feedback:
    """Let simulated raters rate the responses in the study folder; save their ratings and the planted truth there.

    Raises SchemaError where there are no responses yet, ConfigError where the study plants nothing.
    """
    from pluralign.feedback import simulate
    from pluralign.records import ITEMS, PROMPTS, read

    places = {name: folder.data / f"{name}.parquet" for name in ("prompts", "items")}
    prompts, items = read(places["prompts"], PROMPTS), read(places["items"], ITEMS)
    feedback, truth = simulate(study, prompts, items, seed=seed, raters=raters)
    # The corpus is written again beside its ratings, the same bytes under a manifest of the whole set.
    before = read_manifest(places["items"])
    corpus = before.config.get("corpus", before.what)
    manifest = Manifest(
        what="simulated ratings",
        config={"raters": len(feedback.raters), "corpus": corpus},
        seed=seed,
        inputs={name: digest_file(path) for name, path in places.items()},
    )
    feedback.save(folder.data, manifest, truth)
    return feedback


def require_data(folder: StudyFolder) -> None:
    """Raise DataError, with the commands that help, where a study has no ratings yet."""
    if not (folder.data / "ratings.parquet").is_file():
        raise DataError(
            f"{folder.data}: there are no ratings yet. Bring them in with `pluralign import`, or make simulated ones "
            "with `pluralign corpus import demo` and `pluralign simulate`."
        )
