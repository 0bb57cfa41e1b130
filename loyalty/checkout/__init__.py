"""Checkout: points and vouchers set aside for a purchase, then spent with it or given back."""
