"""The web survey: participants' pages, researchers' pages, database, assignment, recruitment."""
