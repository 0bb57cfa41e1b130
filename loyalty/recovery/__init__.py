"""Recovery: what the shop gives to put things right, under caps that hold, and how it went."""
