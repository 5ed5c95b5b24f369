"""DeepSeek for Luminora; see ``luminora-plugin.json``."""
