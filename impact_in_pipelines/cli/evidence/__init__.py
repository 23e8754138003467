"""`impact-in evidence`: archives, their verification, published heads."""
