"""One run, from rows to an adapter: on the trainers of TRL, with losses and a layout of our own."""
