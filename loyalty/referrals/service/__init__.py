"""What happens to a referral: recorded, qualified by an order, decided by a person, undone."""
