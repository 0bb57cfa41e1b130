"""The contact contract: whether a member may be written to, and that they were."""
