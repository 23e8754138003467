"""Prints the SQL of the migrations from a revision on, for squawk: `make.migrations_sql 0002`.

The first revisions made tables that were empty; what comes after them runs against millions of rows.
"""

import sys

from alembic import command

from impact_in_pipelines.db.migrate import alembic_config


def main() -> None:
    """Write the statements of every migration after the revision given to standard output."""
    config = alembic_config()
    config.output_buffer = sys.stdout
    command.upgrade(config, f"{sys.argv[1]}:head", sql=True)


if __name__ == "__main__":
    main()
