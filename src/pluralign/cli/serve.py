"""``pluralign serve``: the survey, on this machine."""

from __future__ import annotations

from pathlib import Path

import click

from pluralign.cli.options import debug_option, open_study, study_option


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, help="Port to listen on; 0 takes a free one.")
@click.option(
    "--database",
    "database_url",
    metavar="URL",
    help="sqlite:///FILE or postgresql://…; without it, a file in the study folder.",
)
@click.option("--secure", is_flag=True, help="Cookies over HTTPS only; for use behind a proxy that speaks HTTPS.")
@study_option
@debug_option
def serve(host: str, port: int, database_url: str | None, secure: bool, root: Path) -> None:
    """Let people take part: the survey of this study in a browser.

    Stop it with Ctrl-C; what people have answered is in the database the moment they see the next page.
    """
    from pluralign.errors import MissingExtraError

    try:
        import uvicorn

        from pluralign.survey.app import create_app
        from pluralign.survey.serving import count_items, prepare
    except ImportError as error:
        raise MissingExtraError("The survey needs the extra `survey`: pip install 'pluralign[survey]'.") from error
    folder, study = open_study(root)
    settings, database, version = prepare(folder, study, database_url=database_url, secure=secure)
    click.echo(
        f"{count_items(database)} items, instrument version {version.version}, languages {', '.join(study.languages)}."
    )
    if version.changed:
        pooled = "can" if version.comparable else "cannot"
        click.echo(
            f"New version: {', '.join(version.changed)} changed since the one before; ratings of the two {pooled} be "
            "pooled."
        )
    click.echo(f"The survey is at http://{host}:{port}/ – stop it with Ctrl-C.")
    uvicorn.run(create_app(settings, database), host=host, port=port, log_level="warning", server_header=False)
    database.close()
