"""The web ground: how requests come in, are checked and measured, and how answers look."""
