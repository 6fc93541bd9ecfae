"""What keeps a survey running: workers, health, metrics, logs, tidying up, backups."""
