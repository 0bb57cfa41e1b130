"""Tiers: the standing of members by what they did over time."""
