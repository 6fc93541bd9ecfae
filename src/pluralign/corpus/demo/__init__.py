"""The demo corpus: prompts about gender in English and German, and responses to them under five perspectives.

``prompts.csv`` and ``responses_de.csv`` were written for this project. ``responses_en.csv`` is what a language
model wrote, unedited; ``python -m pluralign.corpus.demo FOLDER`` makes it again. ``provenance.json`` says how.
"""

from pluralign.corpus.demo.loading import load_demo, provenance

__all__ = ["load_demo", "provenance"]
