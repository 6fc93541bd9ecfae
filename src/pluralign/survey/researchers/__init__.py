"""The researchers' pages: who may see them, what is collected so far, releases, erasure."""
