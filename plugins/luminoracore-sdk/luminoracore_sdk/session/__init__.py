"""Sessions: where they are kept, who manages them, what they remember."""
