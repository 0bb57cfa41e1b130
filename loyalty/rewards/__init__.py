"""Rewards: what members can have for their points."""
