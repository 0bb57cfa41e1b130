"""Referrals: members who bring others, and what both get for it once something real was bought."""
