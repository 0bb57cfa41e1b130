"""What happens to vouchers: issued, read, refused, revoked."""
