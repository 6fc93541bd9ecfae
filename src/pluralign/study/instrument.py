"""What a rater meets: texts, dimensions, scale, perspectives, questions and attention checks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from pluralign.study.base import Code, Key, Model, Text, Whole, Words


class ConsentPart(Model):
    """One thing a rater agrees to, with a box of its own."""

    key: Key = Field(description="Name under which the agreement is stored.")
    text: Text = Field(description="What the rater agrees to, in the first person.")


class HelpLine(Model):
    """Somewhere to turn to when the texts were distressing."""

    country: Code = Field(description="Country in which the line can be reached, such as `us` or `de`.")
    name: Text = Field(description="Name of the line.")
    contact: Words = Field(description="Telephone number or address, in quotes.")


class Texts(Model):
    """The texts of the survey around the questions. A study that only imports ratings needs none."""

    welcome: Text | None = Field(default=None, description="First page: what this is and how long it takes.")
    information: Text | None = Field(
        default=None, description="Who does what with the answers, why, for how long, and on which legal ground."
    )
    consent: tuple[ConsentPart, ...] = Field(
        default=(), description="What the rater agrees to, one box each; sensitive data are named explicitly."
    )
    withdrawal: Text | None = Field(default=None, description="How a rater withdraws and what happens then.")
    content_warning: Text | None = Field(default=None, description="Warning before distressing texts.")
    help_lines: tuple[HelpLine, ...] = Field(default=(), description="Where raters find help.")
    instructions: Text | None = Field(default=None, description="How to rate.")
    thanks: Text | None = Field(default=None, description="Last page.")


class Dimension(Model):
    """One thing on which every response is rated."""

    key: Key = Field(description="Name in all tables and results.")
    desirable: Literal["high", "low"] = Field(description="Which end of the scale a good response has.")
    label: Text = Field(description="Short name for tables and figures.")
    statement: Text = Field(description="The statement that the rater agrees or disagrees with.")
    definition: Text = Field(description="What is meant, shown beside the statement.")
    source: Words | None = Field(default=None, description="Publication from which the definition is taken.")


class Scale(Model):
    """The answers offered to every statement."""

    labels: tuple[Text, ...] = Field(
        min_length=2, description="Labels from the lowest value to the highest; the first stands for the value 1."
    )


class Context(Model):
    """A perspective under which the responses are generated."""

    key: Key = Field(description="Name in all tables and results.")
    label: Text = Field(description="Short name for tables and figures.")
    instruction: Text | None = Field(
        default=None, description="What the model is told before the prompt; empty for no instruction."
    )


class Option(Model):
    """One answer to a demographic question."""

    code: Code = Field(description="What is stored, the same in every language.")
    label: Text = Field(description="What the rater reads.")
    when: Mapping[Key, tuple[Code, ...]] = Field(
        default={},
        description="Offered only to raters who gave one of these answers to an earlier question,"
        " such as `{country: [us]}`.",
    )


class Demographic(Model):
    """One question about the rater. "I prefer not to say" is always offered, last, with the code `undeclared`."""

    key: Key = Field(description="Name in all tables, formulas and expressions.")
    question: Text = Field(description="The question.")
    ordered: bool = Field(default=False, strict=True, description="Whether the options have an order.")
    reference: Code = Field(description="Option with which the others are compared in the analysis.")
    options: tuple[Option, ...] = Field(min_length=2, description="The answers, in the order shown.")
    merges: Mapping[Code, tuple[Code, ...]] = Field(
        default={},
        description="Groups of options that the analysis may treat as one: new code, then the codes it takes in.",
    )

    @property
    def codes(self) -> tuple[str, ...]:
        """Codes of the options in the order shown, without `undeclared`."""
        return tuple(option.code for option in self.options)

    @property
    def merged(self) -> dict[str, str]:
        """Code after merging for every code, in the order of the options."""
        taken = {old: new for new, codes in self.merges.items() for old in codes}
        return {code: taken.get(code, code) for code in self.codes}

    @property
    def merged_codes(self) -> tuple[str, ...]:
        """Codes after merging, in the order of the options, each once."""
        return tuple(dict.fromkeys(self.merged.values()))

    @property
    def merged_reference(self) -> str:
        """The reference level after merging."""
        return self.merged[self.reference]


class AttentionCheck(Model):
    """An item that says exactly what to choose, placed between the statements."""

    after: Key = Field(description="Dimension after whose statement the check is placed.")
    wanted: Whole = Field(description="Scale value that the text asks for.")
    options: tuple[Whole, ...] = Field(min_length=2, description="Scale values offered.")
    text: Text = Field(description="What the rater reads; it must say exactly what to choose.")
