"""SOQL: text → tokens (`lexer`) → tree (`parser`, `tree`) → checked against the schema and the
user's permissions (`check`) → SQL on real columns (`sql`) → JSON-ready records (`run`)."""
