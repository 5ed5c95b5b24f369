"""The version of the distribution and of the plugin API, in a module that imports nothing."""

__version__ = "0.1.0"

API_VERSION = "1.0"
"""Version of the contracts and hooks; a plugin's manifest names a range of it."""
