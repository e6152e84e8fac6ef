"""sfprm: runs a partner channel on Salesforce."""

__version__ = "0.1.0"
