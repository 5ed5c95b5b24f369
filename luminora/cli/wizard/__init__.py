"""The set-up wizard behind ``luminora init``: five steps, asked from the plugins' manifests."""
