"""Everything that speaks OpenAI's wire format, for Luminora; see ``luminora-plugin.json``."""
