"""Gestures: who gives what to whom, who decides on it, and what comes of it."""
