"""The declared programme: files in, one frozen typed value out."""
