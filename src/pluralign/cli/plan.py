"""``pluralign plan``: how many raters, and what they cost."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pluralign.cli.options import debug_option, json_option, open_study, study_option
from pluralign.cli.output import print_frame, print_result, shown_progress
from pluralign.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd

    from pluralign.folder import StudyFolder
    from pluralign.stats.planning import Plan
    from pluralign.study import Study

_SHOWN = ("raters", "in_group", "ratings", "std_error", "power", "power_low", "power_high", "detectable")
_RATINGS_PER_ITEM = 10  # where the study folder has no responses yet
_MOST_ITEMS = 200  # more take long and change the effect of a group of raters by little


@click.command()
@click.option("--dimension", metavar="KEY", default=None, help="Dimension rated.  [default: the study's only one]")
@click.option("--group", metavar="DEMOGRAPHIC=CODE", required=True, help="Raters compared with the reference level.")
@click.option("--effect", type=float, default=None, help="Log odds to find.  [default: the one that the study plants]")
@click.option("--share", type=float, default=None, help="Share of the group.  [default: as in simulation.margins]")
@click.option("--power", type=float, default=0.8, show_default=True, help="Wanted chance to find the effect.")
@click.option("--alpha", type=float, default=0.05, show_default=True, help="Significance level, two-sided.")
@click.option("--raters", multiple=True, type=click.IntRange(min=10), help="Show this number too; may be repeated.")
@click.option("--items", type=click.IntRange(min=2), default=None, help="Responses rated.  [default: the folder's]")
@click.option(
    "--pay-per-hour", "per_hour", type=float, default=None, help="Pay of a rater.  [default: recruitment.pay]"
)
@click.option("--minutes", type=float, default=None, help="Time that a rater needs.  [default: recruitment.pay]")
@click.option("--currency", default=None, help="Currency such as USD.  [default: recruitment.pay]")
@click.option(
    "--fee", type=float, default=None, help="Platform's fee as a share of the pay.  [default: Prolific's 0.333, open 0]"
)
@click.option("--studies", type=click.IntRange(min=10), default=100, show_default=True, help="Studies simulated.")
@click.option(
    "--check", type=click.IntRange(min=0), default=0, metavar="N", help="Count results in N such studies too."
)
@click.option("--seed", default=0, show_default=True, help="Seed of the simulations.")
@study_option
@json_option
@debug_option
def plan(root: Path, as_json: bool, **options: Any) -> None:
    """Say how many raters a study needs, and what they cost.

    Studies as the study file describes them are simulated and analysed; a table and a figure go into plan/.
    """
    folder, study = open_study(root)
    made = _made(folder, study, options)
    files = _written(made, folder, study)
    for warning in made.warnings:
        click.echo(f"Warning: {warning}", err=True)
    if as_json:
        from pluralign.stats.planning import content

        print_result(content(made), as_json=True)
        return
    click.echo(_sentence(made))
    print_frame(_shown(made.table), as_json=False)
    click.echo(f"Table and figure are in {files}.", err=True)


def _made(folder: StudyFolder, study: Study, options: dict[str, Any]) -> Plan:
    from pluralign.feedback.simulation import ITEM_NOISE_SD
    from pluralign.stats.costs import rates_of
    from pluralign.stats.planning import make_plan
    from pluralign.stats.power import count, raters_needed, sensitivity
    from pluralign.stats.scenario import scenario

    demographic, code = _group(options["group"])
    planned = scenario(
        study,
        dimension=_dimension(study, options["dimension"]),
        demographic=demographic,
        code=code,
        effect=options["effect"],
        share=options["share"],
        items=options["items"] or _items(folder, study),
        item_noise_sd=ITEM_NOISE_SD,
    )
    rates = rates_of(study, **{name: options[name] for name in ("per_hour", "minutes", "currency", "fee")})
    wanted = {"power": options["power"], "alpha": options["alpha"]}
    target = [study.recruitment.target] if study.recruitment else []
    with shown_progress() as progress:
        found = sensitivity(planned, **wanted, studies=options["studies"], seed=options["seed"], progress=progress)
        checks = []
        if options["check"]:
            needed, _, _ = raters_needed(found, planned.effect, **wanted)
            checks = [
                count(
                    planned,
                    needed,
                    studies=options["check"],
                    alpha=options["alpha"],
                    seed=options["seed"],
                    progress=progress,
                )
            ]
    return make_plan(planned, found, **wanted, rates=rates, raters=(*options["raters"], *target), checks=tuple(checks))


def _group(text: str) -> tuple[str, str]:
    demographic, equals, code = text.partition("=")
    if not equals or not demographic or not code:
        raise ConfigError(f'--group is "{text}"; write a demographic and an answer, such as gender=he.')
    return demographic.strip(), code.strip()


def _dimension(study: Study, key: str | None) -> str:
    if key is not None:
        return key
    if len(study.dimension_keys) > 1:
        raise ConfigError(f"Give --dimension, one of {', '.join(study.dimension_keys)}.")
    return study.dimension_keys[0]


def _items(folder: StudyFolder, study: Study) -> int:
    """Responses in the folder that may be rated, or as many as ten ratings each leave; not more than are worth it."""
    from pluralign import records

    file = folder.data / "items.parquet"
    if file.is_file():
        there = int((records.read(file, records.ITEMS)["review"] != "rejected").sum())
    else:
        target = study.recruitment.target if study.recruitment else 100
        there = target * study.items_per_rater // _RATINGS_PER_ITEM
    return max(min(there, _MOST_ITEMS), study.items_per_rater)


def _written(made: Plan, folder: StudyFolder, study: Study) -> Path:
    """Write table, figure and manifest; return their folder."""
    from pluralign.manifests import Manifest, digest_file, write_manifest
    from pluralign.stats.labels import Labels
    from pluralign.stats.planning import content, plan_figure
    from pluralign.stats.plotting import house_style, save
    from pluralign.storage import write_csv

    out = folder.root / "plan"
    out.mkdir(parents=True, exist_ok=True)
    write_csv(made.table, out / "plan.csv")
    with house_style():
        save(plan_figure(made, Labels(study, study.languages[0])), out, "plan")
    config = {name: value for name, value in content(made).items() if name != "table"}
    inputs = {"study.yaml": digest_file(folder.study_file)}
    write_manifest(out, Manifest(what="plan", config=config, inputs=inputs, rows_out=len(made.table)))
    return out


def _shown(table: pd.DataFrame) -> pd.DataFrame:
    """The columns that are read on a screen; costs only where there are any, in whole units."""
    if table["total"].isna().all():
        return table[list(_SHOWN)]
    return table[list(_SHOWN)].assign(**{f"total, {table['currency'].iloc[0]}": table["total"].round().astype(int)})


def _sentence(made: Plan) -> str:
    import math

    scenario = made.scenario
    text = (
        f"{made.needed:,} raters ({made.needed_low:,} to {made.needed_high:,} 95 % interval of the simulation) find a "
        f"log odds of {scenario.effect:+.3f} (odds {100 * math.expm1(scenario.effect):+.0f} %) of "
        f"{scenario.demographic} {scenario.level}, {100 * scenario.share:.1f} % of the raters, on {scenario.dimension} "
        f"with a power of {100 * made.power:.0f} %."
    )
    for check in made.checks:
        text += (
            f" Of {check.studies} simulated studies of that size {check.found} found it "
            f"({100 * check.low:.0f} to {100 * check.high:.0f} %)."
        )
    return text
