"""Models that Ollama runs, for Luminora; see ``luminora-plugin.json``."""
