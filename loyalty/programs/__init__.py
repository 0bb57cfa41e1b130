"""Programs: the terms of each tenant as one versioned document, and a test program's clock."""
