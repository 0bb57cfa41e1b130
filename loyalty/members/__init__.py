"""Members: who they are, how they may be reached, and which of them are one person."""
