"""What a company may settle for itself."""
