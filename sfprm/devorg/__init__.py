"""The embedded org: an imitation of Salesforce, spoken to over HTTP only. Imports no other room."""
