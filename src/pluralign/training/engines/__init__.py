"""Where the work of a grid is done: here, in several processes, on Ray or Slurm; or one run in several processes."""
