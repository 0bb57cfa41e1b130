"""Caps: how much may be given, exactly, under any concurrency, without ever adding up a year.

A program's gestures pass its gate one after the other (`gate.open_gate`), which is what makes the
sums true. For each cap and whom it looks at (`kernel.key_of`) one row tells what is used in the
window; it slides with time (`usage`).
"""
