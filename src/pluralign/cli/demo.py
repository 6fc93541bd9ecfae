"""``pluralign demo``: a whole study, end to end, on this machine."""

from __future__ import annotations

import resource
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pluralign.cli.options import debug_option
from pluralign.cli.output import shown_progress
from pluralign.cli.run import Timing, run_stages

if TYPE_CHECKING:
    from pluralign.folder import StudyFolder
    from pluralign.progress import Progress
    from pluralign.study import Study

# The one experiment of the template that is trained: two conditions, two seeds. The pairs of the others are made too,
# with `pluralign prefer`, and trained with `pluralign train`.
EXPERIMENT = "disagreement"


@click.command()
@click.argument("root", type=click.Path(file_okay=False, path_type=Path), default=Path("demo-study"), metavar="[DIR]")
@click.option("--seed", default=0, show_default=True, help="Seed of the simulated raters.")
@debug_option
def demo(root: Path, seed: int) -> None:
    """Run a whole study on this machine.

    Shipped prompts and responses, simulated raters, a real language model. Takes about a quarter of an hour on two
    cores. Stopped, it goes on where it was when called again.
    """
    from pluralign.cli.options import open_study
    from pluralign.study import create

    began = time.monotonic()
    if not (root / "study.yaml").is_file():
        create(root, "gender-values")
    folder, study = open_study(root)
    with shown_progress() as progress:
        timings = [_ratings(folder, study, seed, progress)]
        timings += run_stages(folder, study, None, progress, names=("analyze", "prefer"))
        timings += run_stages(folder, study, None, progress, names=("report",))
        progress.say(f"The analysis can be read now: {folder.report / 'index.html'}")
        timings += run_stages(folder, study, [EXPERIMENT], progress, names=("train", "evaluate"))
        timings += run_stages(folder, study, None, progress, names=("report",))
    _print_timings(timings, time.monotonic() - began)
    click.echo(f"The report of the whole study is {(folder.report / 'index.html').resolve()}")


def _ratings(folder: StudyFolder, study: Study, seed: int, progress: Progress) -> Timing:
    """The demo corpus, rated by simulated raters; kept where it is there already."""
    from pluralign.cli.corpus import import_demo
    from pluralign.pipeline import simulate_ratings

    if (folder.data / "truth.json").is_file():
        return Timing("simulate", None)
    began = time.monotonic()
    progress.start("Simulated raters rate the demo corpus")
    import_demo(folder)
    simulate_ratings(folder, study, raters=None, seed=seed)
    progress.finish()
    return Timing("simulate", time.monotonic() - began)


def _print_timings(timings: list[Timing], total: float) -> None:
    click.echo("\nTime by stage")
    for timing in timings:
        click.echo(f"  {timing.stage:<10}" + ("up to date" if timing.seconds is None else f"{timing.seconds:7.1f} s"))
    # Linux counts kibibytes, macOS bytes; either way the peak of this process.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    click.echo(f"  {'all':<10}{total:7.1f} s, peak memory {peak:.1f} GiB")
