"""Dagster's web server, behind a guard of ours."""
