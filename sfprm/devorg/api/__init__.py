"""The org's addresses. Every resource takes the same way: `app` receives, `dispatch` finds the
resource and the caller, the resource's module parses and checks, `dml` or `soql` runs, and
`exchange.Answer` is what goes back."""
