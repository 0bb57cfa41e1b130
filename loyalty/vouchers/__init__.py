"""Vouchers: codes that lower a price or pay, their value kept in the ledger."""
