"""`make run`: the whole service from a bare checkout, with a shop that never was."""
