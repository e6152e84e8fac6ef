"""Everything that sfprm sends past Salesforce, and the guard that stands before it."""
