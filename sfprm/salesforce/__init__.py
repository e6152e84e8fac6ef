"""The only door to an org: login, session, queries, collections, metadata. Knows no partners."""
