"""What is fast, against what: ``make bench`` prints every figure as a table."""
