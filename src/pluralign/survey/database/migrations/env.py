"""Run by Alembic: steps are made on the connection that ``migrate.upgrade`` hands over."""

from alembic import context

from pluralign.survey.database.tables import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA, render_as_batch=True)
context.run_migrations()
