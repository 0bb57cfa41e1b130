"""The ground: what every slice stands on, and nothing about loyalty."""
