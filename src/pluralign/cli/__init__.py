"""The command line: thin commands that parse, load, call, save and print.

Nothing heavy is imported here; each command imports what it needs when it runs.
"""

from __future__ import annotations

import click

from pluralign import __version__
from pluralign.cli import (
    analyze,
    corpus,
    demo,
    doctor,
    evaluate,
    exchange,
    init,
    plan,
    prefer,
    report,
    researchers,
    run,
    serve,
    simulate,
    survey,
    train,
)
from pluralign.cli.failures import run_command_line


class InOrder(click.Group):
    """Lists commands in the order in which a study uses them."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """The names as they were added."""
        return list(self.commands)


@click.group(cls=InOrder, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="pluralign")
def pluralign() -> None:
    """Collect, analyse and use human ratings of model responses.

    A study lives in a folder with a study file. The stages, in order: init, corpus, simulate or import, analyze,
    prefer, train, evaluate, report; `run` does all that is out of date. See `pluralign demo` for a whole study.
    """


for command in (
    init.init,
    corpus.corpus,
    serve.serve,
    survey.survey,
    simulate.simulate,
    exchange.import_,
    exchange.export,
    plan.plan,
    analyze.analyze,
    prefer.prefer,
    train.train,
    evaluate.evaluate,
    report.report,
    run.run,
    demo.demo,
    doctor.doctor,
):
    pluralign.add_command(command)


for account_command in (researchers.add_researcher, researchers.remove_researcher, researchers.researchers):
    survey.survey.add_command(account_command)


def main() -> None:
    """Run the command line and end the process with 0 (done), 1 (the work failed) or 2 (the input was wrong)."""
    raise SystemExit(run_command_line(pluralign))
