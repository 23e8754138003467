"""What the database has of a company or of a person: taken out whole, and erased everywhere."""
