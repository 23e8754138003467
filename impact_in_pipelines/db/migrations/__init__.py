"""Migrations, run by `db/migrate.py`; made of the pieces in `online.py`."""
