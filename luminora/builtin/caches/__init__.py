"""The two caches of the embedded default: in the process, and in a file."""
