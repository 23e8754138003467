"""Events in: raw events, uploads of them, and the figures computed from them."""
