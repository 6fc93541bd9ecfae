"""What has been collected, taken out of the survey's database: tables, protection of persons, codebook, data card."""
