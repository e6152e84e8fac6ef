"""The declared partner programme: its model, its files, and every complaint about them."""
