"""Proactive gestures: what a program gives unasked, on a birthday, an anniversary and the like."""
