"""`sfprm demo`: the whole story on the embedded org, through the jobs that everyone runs."""
