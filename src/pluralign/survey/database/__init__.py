"""The survey's database: tables with their constraints, transactions, versions."""

from pluralign.survey.database.engine import Database, check_reachable

__all__ = ["Database", "check_reachable"]
