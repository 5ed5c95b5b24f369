"""Private servers and doubles for tests: each on a free port, in a folder of its own, killable."""
