"""The report: one HTML page with everything that has been done so far, made to be sent."""

from pluralign.report.page import write_report

__all__ = ["write_report"]
