"""Evidence that stands without us: a company's chain, archives of it, and how they are verified. No SQL."""
