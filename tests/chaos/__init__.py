"""Chaos: a fleet on one PostgreSQL, a seeded hand that breaks things, and the account afterwards."""
