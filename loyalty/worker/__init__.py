"""The worker: what has to happen without being asked for. Any number of them may run."""
