"""Amazon DynamoDB as Luminora's database."""
