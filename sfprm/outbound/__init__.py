"""Everything sent past Salesforce, and the guard over every address."""
