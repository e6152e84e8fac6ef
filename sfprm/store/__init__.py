"""What sfprm remembers: runs, steps, applied values, credits and the journal of decisions."""
