"""Signs that somebody may not have read: counted, with the evidence, and never acted upon by themselves."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from pluralign.survey.release.collected import Collected

KINDS = ("attention", "fast", "same")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """From where on a sign counts.

    ``checks``: attention checks failed; ``fast``: a person's median time per item as a share of the median of all
    items (one third is a common rule for web surveys); ``items``: complete items below which ``fast`` and ``same`` say
    nothing.
    """

    checks: int = 1
    fast: float = 1 / 3
    items: int = 3

    def wording(self) -> dict[str, str]:
        """What each flag means, by its name."""
        return {
            "attention": f"failed at least {self.checks} attention check{'s' if self.checks > 1 else ''}",
            "fast": f"median time per item under {self.fast:.0%} of everybody's, over at least {self.items} items",
            "same": f"one and the same answer to every statement of every item, over at least {self.items} items",
        }


def signs(collected: Collected, limits: Limits | None = None) -> pd.DataFrame:
    """One row per participant: the evidence, and the flags that follow from it.

    Columns ``participant, items, checks, failed, seconds`` (median per item), ``pace`` (that, as a share of the median
    of all items), ``same`` (items on which all statements got one answer), ``flags`` (names of `KINDS`, separated by
    semicolons, or empty).
    """
    limits = limits or Limits()
    complete = collected.given[collected.given["complete"]]
    found = collected.people[["participant"]].set_index("participant")
    by_person = complete.groupby("participant")
    found["items"] = by_person.size()
    found["seconds"] = by_person["seconds"].median()
    checks = collected.checks.merge(collected.given[["assignment", "participant"]], on="assignment")
    failed = checks["value"] != checks["wanted"]
    found["checks"] = checks.groupby("participant").size()
    found["failed"] = failed.groupby(checks["participant"]).sum()
    found["same"] = _uniform(collected)
    counts = ["items", "checks", "failed", "same"]
    found[counts] = found[counts].fillna(0).astype(int)
    found["pace"] = found["seconds"] / complete["seconds"].median()
    enough = found["items"] >= limits.items
    raised = {
        "attention": found["failed"] >= limits.checks,
        "fast": enough & (found["pace"] < limits.fast),
        "same": enough & (found["same"] == found["items"]),
    }
    frame = pd.DataFrame(raised)
    found["flags"] = [";".join(kind for kind in KINDS if row[kind]) for row in frame.to_dict("records")]
    return found.reset_index()


def _uniform(collected: Collected) -> pd.Series:
    """Items per participant whose statements all got the same answer; one statement alone says nothing."""
    values = collected.rated.groupby(["participant", "assignment"])["value"].agg(["nunique", "size"])
    uniform = (values["nunique"] == 1) & (values["size"] > 1)
    return uniform.groupby("participant").sum()
