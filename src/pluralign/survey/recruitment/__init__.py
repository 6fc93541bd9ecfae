"""Where participants come from: an open link, or Prolific."""
