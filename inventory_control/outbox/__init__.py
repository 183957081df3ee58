"""The way out: instructions that wait to leave, with attempts and outcome."""
