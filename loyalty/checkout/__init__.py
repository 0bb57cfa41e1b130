"""Checkout: points set aside for a purchase, then spent with it or given back."""
