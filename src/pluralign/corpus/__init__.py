"""Prompts and the responses to them: brought in, generated, counted; and the demo corpus that comes with pluralign."""
