"""A member's points: balance, history, and points moved by hand."""
