"""One file a job; the only place where provisioning, distribution and insight meet."""
