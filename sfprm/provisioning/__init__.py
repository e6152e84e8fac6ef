"""Makes the org match the programme: check, setup, plan, apply."""
