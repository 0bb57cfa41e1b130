"""Orders: purchases become points, refunds take back exactly what is due."""
