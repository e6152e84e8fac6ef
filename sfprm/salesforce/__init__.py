"""The only door to a Salesforce org: login, session, queries, writes, metadata, refusals.

    settings → flows → credentials → login (assertion, sf_cli) ┐
                                                               ├→ session → wire → org
                   budget, calls · flight · retry, failures ───┘
    refusals, login_refusals   what the org says when it refuses, and the next step
    soql → query, bulk_query, ranges → read       any number of rows, by what it costs
           incremental, describe (kept), limits, permissions, identity
    collections, composite, bulk → ways → write   any number of rows, an outcome for each
           changes                                rows of several objects, setup objects apart
    package, soap → metadata · actions

`wire` is `requests` under simple-salesforce; all else are functions that take a Session.
Nothing here knows of partners. Modules import lightly: `requests` and `simple_salesforce` are
loaded when the first connection is opened.
"""
