"""Language models that Replicate hosts, for Luminora; see ``luminora-plugin.json``."""
