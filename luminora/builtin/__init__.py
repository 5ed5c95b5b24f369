"""The embedded default, reached through its entry point like any plugin."""
