"""Days whose events have changed since they were delivered, and the deliveries that correct them."""
