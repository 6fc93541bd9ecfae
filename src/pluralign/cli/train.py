"""``pluralign train``: the study's experiments as tuned models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pluralign.cli.options import debug_option, experiment_option, open_study, study_option
from pluralign.cli.output import shown_progress
from pluralign.wording import counted

if TYPE_CHECKING:
    from pluralign.folder import StudyFolder
    from pluralign.progress import Progress
    from pluralign.study import Study
    from pluralign.training import RunResult
    from pluralign.training.engines.engine import Engine


@click.command()
@study_option
@experiment_option
@click.option("--run", "named", multiple=True, metavar="RUN", help="Only this run, such as scale/two/seed-1.")
@click.option("--restart", is_flag=True, help="Begin again the runs whose inputs have changed, instead of refusing.")
@click.option(
    "--engine",
    type=click.Choice(["local", "ray", "slurm"]),
    default="local",
    show_default=True,
    help="Where runs are done: here, as tasks of Ray, or as an array job of Slurm.",
)
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    metavar="N",
    help="Runs done here at the same time, each with its share of the threads and accelerators.",
)
@click.option(
    "--launch",
    "launcher",
    metavar="COMMAND",
    help="Do each run in the processes that this starts, such as 'torchrun --nproc_per_node 2'.",
)
@click.option("--ray-address", metavar="ADDRESS", help="A running Ray cluster; without one, Ray is started here.")
@click.option(
    "--cpus-per-run", type=click.IntRange(min=1), metavar="N", help="Processors of a task of Ray; 1 by default."
)
@click.option(
    "--gpus-per-run",
    type=click.FloatRange(min=0),
    metavar="N",
    help="Accelerators of a task of Ray; by default 1 where there are any.",
)
@click.option("--slurm-options", metavar="OPTIONS", help="Further options for sbatch, such as '--gres=gpu:1'.")
@debug_option
def train(  # noqa: PLR0913, PLR0917 - one for each option
    root: Path,
    only: tuple[str, ...],
    named: tuple[str, ...],
    restart: bool,
    engine: str,
    jobs: int,
    launcher: str | None,
    ray_address: str | None,
    cpus_per_run: int | None,
    gpus_per_run: float | None,
    slurm_options: str | None,
) -> None:
    """Tune a model for every condition and seed.

    Where an experiment asks for it, settings are tried first. Finished runs are kept; a stopped run goes on where it
    was; what failed is tried again.
    """
    from pluralign import training

    options = {"--ray-address": ray_address, "--cpus-per-run": cpus_per_run, "--gpus-per-run": gpus_per_run}
    _refuse_unread({name: value for name, value in options.items() if value is not None}, engine, "ray")
    _refuse_unread({"--slurm-options": slurm_options} if slurm_options else {}, engine, "slurm")
    _refuse_unread({"--jobs": jobs} if jobs > 1 else {}, engine, "local")
    if launcher and (jobs > 1 or engine == "ray"):
        raise click.UsageError("--launch does one run at a time, on several devices: not with --jobs or --engine ray.")
    if named and engine == "slurm":
        raise click.UsageError("--run names runs to do here; with --engine slurm every unfinished run is submitted.")
    folder, study = open_study(root)
    if restart:
        training.discard_changed_runs(folder, study, only=only or None)
    if engine == "slurm":
        _submit(folder, study, only or None, slurm_options or "", launcher or "")
        return
    if engine == "ray":
        from pluralign.training.engines.ray_tasks import RayTasks

        at_work: Engine | None = RayTasks(folder, ray_address, cpus_per_run or 1, gpus_per_run)
    else:
        at_work = _local_engine(folder, jobs, launcher)
    results = _train(folder, study, only or None, named, at_work)
    click.echo(f"Tuned models in place, {len(results)}: {folder.runs}")


def _refuse_unread(given: Mapping[str, object], engine: str, reader: str) -> None:
    for option in given:
        if engine != reader:
            raise click.UsageError(f"{option} is read only with --engine {reader}.")


def _local_engine(folder: StudyFolder, jobs: int, launcher: str | None) -> Engine | None:
    if launcher:
        from pluralign.training.engines.launch import Launched

        return Launched(folder, launcher)
    if jobs > 1:
        from pluralign.training.engines.workers import Workers

        return Workers(folder, jobs)
    return None


def _train(
    folder: StudyFolder,
    study: Study,
    only: tuple[str, ...] | None,
    named: tuple[str, ...],
    engine: Engine | None,
) -> list[RunResult]:
    from pluralign.pipeline import stage
    from pluralign.training import train

    def work(folder: StudyFolder, study: Study, only: Sequence[str] | None, progress: Progress) -> list[RunResult]:
        return train(folder, study, only, progress, named or None, engine)

    with shown_progress() as progress:
        if named:
            # A part of the stage: it is not up to date afterwards.
            return work(folder, study, only, progress)
        results: list[RunResult] = replace(stage("train"), work=work).run(folder, study, only, progress)
        return results


def _submit(folder: StudyFolder, study: Study, only: tuple[str, ...] | None, options: str, launcher: str) -> None:
    from pluralign.training.engines.slurm import submit

    submitted = submit(folder, study, only, options, launcher=launcher)
    if submitted is None:
        click.echo("All runs are finished; nothing was submitted.")
        return
    click.echo(f"Job {submitted.job} does {counted(submitted.runs, 'run')}; its script is {submitted.script}.")
    if submitted.waiting:
        click.echo(
            f"{submitted.waiting} more to be tuned under the settings that this job tries: when it has ended, give the "
            "same command again."
        )
    else:
        click.echo("When it has ended, `pluralign train` says what is finished and does what is left.")
