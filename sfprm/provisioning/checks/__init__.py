"""Everything that would fail later, found before the first write.

`facts` is what checks look at, `reading` how it is read from the org (few calls), `registry` the
list of checks, one file a concept. Each code stands once, where it is found.
"""
