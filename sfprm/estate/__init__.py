"""The partner estate as it is in the org: a typed snapshot and its reader."""
