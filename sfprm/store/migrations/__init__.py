"""Alembic's environment: numbered steps that are never edited once released."""
