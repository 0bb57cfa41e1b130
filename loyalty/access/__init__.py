"""Who is calling and what they may do: API keys, member tokens, and the guard of every door."""
