"""The only door to a Salesforce org: login, session, queries, writes, metadata, refusals.

    credentials → login ┐
    settings ───────────┴→ session → wire (requests, simple-salesforce) → org
                             │ retry   which failures may be repeated, as a table
                             │ refusals  Salesforce's error codes → our errors
    soql → query, describe, collections, metadata, limits, actions: functions that take a Session

Nothing here knows of partners. Modules import lightly: `requests` and `simple_salesforce` are
loaded when the first connection is opened.
"""
