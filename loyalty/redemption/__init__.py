"""Redemption: what points are worth, and the program's limits on spending them."""
