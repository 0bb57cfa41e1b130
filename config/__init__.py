"""Settings of a process, how gunicorn runs it, and the programs that ship with it.

The only place that reads the environment.
"""

from config.settings import (
    Settings,
    SettingsError,
    environment_or,
    environment_with,
    settings_from_environment,
)

__all__ = [
    "Settings",
    "SettingsError",
    "environment_or",
    "environment_with",
    "settings_from_environment",
]
