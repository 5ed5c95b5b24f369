"""What the companion remembers, how it finds it again, and how it learns from a conversation."""
