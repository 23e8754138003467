"""One module per platform: its contract (pydantic models) and its endpoints."""
