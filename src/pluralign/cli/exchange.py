"""``pluralign import`` and ``pluralign export``: ratings in, ratings and preference data out."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import click

from pluralign.cli.options import debug_option, open_study, study_option
from pluralign.cli.output import print_frame
from pluralign.wording import counted

# Named here so that help needs no data libraries; a test holds them against pluralign.feedback.ADAPTERS.
KINDS = ("popquorn", "spica", "dices", "prism", "csv")
ROUND = "round"


@click.command("import")
@click.argument("kind", type=click.Choice((*KINDS, ROUND)))
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--drop-invalid", is_flag=True, help="Leave out rows that are wrong, and count them.")
@click.option("--held-out", default=0.25, show_default=True, help="Share of prompts on which nothing is tuned.")
@click.option("--seed", default=0, show_default=True, help="Seed of the split.")
@click.option(
    "--points", type=int, default=None, help="Merge the points of the scale to so many.  [default: as in the data]"
)
@study_option
@debug_option
def import_(
    kind: str, path: Path, drop_invalid: bool, held_out: float, seed: int, points: int | None, root: Path
) -> None:
    """Bring in ratings collected elsewhere.

    PATH is the data file or folder; for csv it is a mapping file that names the columns, for round the release of a
    survey round that `pluralign export round` made from this study. The options do not concern rounds.
    """
    if kind == ROUND:
        _take_back(path, root)
        return
    from pluralign.errors import ConfigError
    from pluralign.feedback import ADAPTERS
    from pluralign.feedback.fitting import refuse_misfit
    from pluralign.manifests import Manifest, digest_file

    folder, study = open_study(root)
    if (folder.data / "ratings.parquet").is_file():
        raise ConfigError(f"{folder.data} already holds ratings. Use another study folder, or remove that one first.")
    adapter = ADAPTERS[kind]
    feedback, dropped = adapter(path, drop_invalid=drop_invalid, held_out=held_out, seed=seed)
    scale = feedback.points
    if points is not None:
        feedback = feedback.rescale(points)
    refuse_misfit(feedback, study)
    manifest = Manifest(
        what=f"imported ratings ({kind})",
        config={"held_out": held_out, "drop_invalid": drop_invalid, "points_in_data": scale},
        seed=seed,
        inputs={file.name: digest_file(file) for file in adapter.files(path)},
        rows_in=len(feedback.ratings) + sum(dropped.values()),
        dropped=dropped,
    )
    feedback.save(folder.data, manifest)
    left_out = ", ".join(f"{count} {reason}" for reason, count in dropped.items())
    click.echo(
        f"{counted(len(feedback.ratings), 'rating')} of {counted(len(feedback.items), 'item')} by "
        f"{counted(len(feedback.raters), 'rater')} are in {folder.data}."
        + (f" Left out: {left_out}." if left_out else "")
    )


def _take_back(path: Path, root: Path) -> None:
    from pluralign.evaluation.rounds import take_back

    folder, study = open_study(root)
    back = take_back(folder, study, path)
    raters = counted(back.raters, "person", "people")
    click.echo(f"{counted(back.ratings, 'rating')} by {raters} have come back to {back.name}.")
    short = ["experiment", "condition", "dimension", "base_mean", "tuned_mean", "difference", "low", "high"]
    print_frame(back.differences[[*short, "judge_difference"]].round(2), False)


@click.group()
def export() -> None:
    """Take results out of a study folder."""


@export.command("round")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--experiment", "only", multiple=True, metavar="KEY", help="Only this experiment; may be repeated.")
@click.option("--samples", default=1, show_default=True, help="Responses of each model to each prompt.")
@study_option
@debug_option
def export_round(path: Path, only: tuple[str, ...], samples: int, root: Path) -> None:
    """Make a survey of the tuned models' responses.

    People then say what changed. PATH is a new folder. It becomes a study folder that `pluralign serve` fields; nothing
    in it says which model gave which response. What it collects comes back with `pluralign import round`.
    """
    from pluralign.evaluation.rounds import make_round

    folder, study = open_study(root)
    made = make_round(folder, study, path, list(only) or None, samples)
    click.echo(
        f"{made.name}: {made.items} different responses of {made.models} models are in {made.path}."
        + (f" Left out: {counted(made.empty, 'empty response')}." if made.empty else "")
    )
    click.echo(f"The key is in {folder.evaluation / 'rounds' / made.name}; keep it from raters.")


@export.command("preferences")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--experiment", required=True, metavar="KEY", help="Key of the experiment.")
@click.option("--condition", required=True, metavar="KEY", help="Key of the condition.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["dataset", "jsonl"]),
    default="dataset",
    show_default=True,
    help="A Hugging Face dataset folder, or JSON Lines.",
)
@click.option("--plain", is_flag=True, help="Only true preferences, without probabilities and weights, for plain DPO.")
@study_option
@debug_option
def export_preferences(
    path: Path, experiment: str, condition: str, form: Literal["dataset", "jsonl"], plain: bool, root: Path
) -> None:
    """Write one condition's pairs in the columns that TRL reads."""
    from pluralign.errors import ConfigError
    from pluralign.feedback import Feedback
    from pluralign.preferences import export_dataset
    from pluralign.records import PAIRS, read

    folder, study = open_study(root)
    chosen = study.experiment(experiment)
    keys = [each.key for each in chosen.conditions]
    if condition not in keys:
        raise ConfigError(f'The experiment {experiment} has no condition "{condition}"; allowed: {", ".join(keys)}.')
    place = folder.preferences / experiment / condition / "pairs.parquet"
    if not place.is_file():
        raise ConfigError(f"{place}: there are no pairs yet. Make them with `pluralign prefer`.")
    pairs, feedback = read(place, PAIRS), Feedback.load(folder.data)
    language = study.training_for(chosen).language
    done = export_dataset(pairs, feedback.prompts, feedback.items, language, path, form=form, plain=plain)
    click.echo(
        f"{done.rows} rows are in {done.path}."
        + (f" Left out: {counted(done.left_out, 'row')} without a preference." if done.left_out else "")
    )


@export.command("ratings")
@click.argument("path", type=click.Path(path_type=Path))
@click.option(
    "--internal", is_flag=True, help="Exact answers and times, and texts that people wrote; for your own team only."
)
@click.option("--k", default=5, show_default=True, help="People who must share every combination of answers.")
@click.option(
    "--known",
    multiple=True,
    metavar="KEY",
    help="A question whose answer others may know about a person; may be repeated.  [default: all, and the language]",
)
@click.option("--unfinished", is_flag=True, help="Also people who left before the end.")
@click.option(
    "--instrument", "version", type=int, default=None, help="Version of the instrument.  [default: the newest]"
)
@click.option("--licence", default=None, help="Licence named on the data card, such as CC-BY-4.0.")
@click.option(
    "--database",
    "database_url",
    metavar="URL",
    help="sqlite:///FILE or postgresql://…; without it, a file in the study folder.",
)
@study_option
@debug_option
def export_ratings(path: Path, internal: bool, database_url: str | None, root: Path, **wished: Any) -> None:
    """Take what a survey has collected out of its database.

    PATH is a new folder. It becomes a study folder of its own, with codebook and data card: `pluralign analyze --study
    PATH` works on it. Nothing in it leads back to a person's recruitment id.
    """
    from pluralign.errors import ConfigError, MissingExtraError

    try:
        from pluralign.survey.release.making import Wishes, make
        from pluralign.survey.release.writing import corpus, write
        from pluralign.survey.serving import open_database
        from pluralign.survey.settings import DATABASE_FILE
    except ImportError as error:
        raise MissingExtraError("The survey needs the extra `survey`: pip install 'pluralign[survey]'.") from error
    folder, _ = open_study(root)
    if database_url is None and not (folder.root / DATABASE_FILE).is_file():
        raise ConfigError(f"{folder.root / DATABASE_FILE}: there is no survey yet. Begin with `pluralign serve`.")
    known = wished.pop("known")
    wishes = Wishes(level="internal" if internal else "public", known=known or None, **wished)
    prompts, items = corpus(folder)
    database = open_database(folder, database_url)
    try:
        with database.read() as connection:
            release = make(connection, prompts, items, wishes)
    finally:
        database.close()
    write(release, path)
    raters = counted(len(release.feedback.raters), "person", "people")
    click.echo(f"{counted(len(release.feedback.ratings), 'rating')} by {raters} are in {path}.")
    for reason, number in release.people_out.items():
        click.echo(f"Left out: people who {reason}, {number}.")
    if release.protected is not None:
        report = release.protected.report
        changed = f"{report['coarsened'].sum()} coarsened, {report['suppressed'].sum()} left out"
        click.echo(f"Answers about people: {report['values'].sum()}, of which {changed}; see protection.csv.")
