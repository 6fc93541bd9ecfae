"""``pluralign serve``: the survey, on this machine or behind a proxy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from pluralign.cli.options import debug_option, open_study, study_option
from pluralign.wording import counted


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, help="Port to listen on; 0 takes a free one.")
@click.option(
    "--database",
    "database_url",
    metavar="URL",
    help="sqlite:///FILE or postgresql://…; without it, a file in the study folder.",
)
@click.option(
    "--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Server processes, one per core."
)
@click.option("--secure", is_flag=True, help="Cookies over HTTPS only; for use behind a proxy that speaks HTTPS.")
@click.option(
    "--trusted-proxy",
    "trusted_proxies",
    metavar="ADDRESSES",
    help="Proxies, separated by commas, whose word about a visitor's address counts.",
)
@click.option(
    "--attempts-per-minute",
    type=click.IntRange(1),
    default=120,
    show_default=True,
    help="How often one address may begin, come back or log in, per process.",
)
@click.option(
    "--log-level",
    type=click.Choice(["info", "warning", "error"]),
    default="info",
    show_default=True,
    help="What is logged: every request, or only what goes wrong.",
)
@study_option
@debug_option
def serve(root: Path, database_url: str | None, **options: Any) -> None:
    """Let people take part: the survey of this study in a browser.

    Stop it with Ctrl-C; what people have answered is in the database the moment they see the next page.
    """
    from pluralign.errors import MissingExtraError

    try:
        from pluralign.survey.operation.worker import Serving
        from pluralign.survey.operation.worker import serve as run
        from pluralign.survey.serving import count_items, prepare
    except ImportError as error:
        raise MissingExtraError("The survey needs the extra `survey`: pip install 'pluralign[survey]'.") from error
    folder, study = open_study(root)
    settings, database, version = prepare(folder, study, database_url=database_url)
    click.echo(
        f"{counted(count_items(database), 'item')}, instrument version {version.version}, languages "
        f"{', '.join(study.languages)}."
    )
    database.close()
    if version.changed:
        pooled = "can" if version.comparable else "cannot"
        click.echo(
            f"New version: {', '.join(version.changed)} changed since the one before; ratings of the two {pooled} be "
            "pooled."
        )
    if settings.prolific is not None:
        click.echo("People come in from Prolific only, as the settings say.")
    click.echo(f"The survey is at http://{options['host']}:{options['port']}/ – stop it with Ctrl-C.")
    run(Serving(root=str(root.resolve()), database_url=settings.database_url, **options))
