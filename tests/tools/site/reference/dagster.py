"""What Dagster loads: assets, checks, jobs, schedules and sensors."""

from collections.abc import Iterator
from typing import Any

from tools.site.reference.text import cell, code, document, table

_SAID = (
    "What the Dagster UI shows, as the code defines it. Exports are partitioned by company and day; "
    "`IMPACT_IN_PARTITION_DAYS` says how far back the days go."
)


def page() -> str:
    # Takes seconds, and nothing else of the reference needs it.
    from impact_in_pipelines.definitions import defs

    repository = defs.get_repository_def()
    graph = repository.asset_graph
    return document(
        "Dagster",
        _SAID,
        "## Assets",
        *(_asset(graph, key) for key in sorted(graph.get_all_asset_keys())),
        "## Asset checks",
        table(["check", "asset", "what it finds"], sorted(_checks(repository))),
        "## Jobs",
        table(
            ["job", "what it does"],
            sorted([code(one.name), cell(one.description)] for one in repository.get_all_jobs() if one.description),
        ),
        "## Schedules",
        table(
            ["schedule", "cron (UTC)", "starts", "what it does"],
            [
                [code(one.name), code(one.cron_schedule), code(one.job_name), cell(one.description)]
                for one in sorted(repository.schedule_defs, key=lambda found: found.name)
            ],
        ),
        "## Sensors",
        table(
            ["sensor", "every", "what it does"],
            [
                [code(one.name), f"{one.minimum_interval_seconds} s", cell(one.description)]
                for one in sorted(repository.sensor_defs, key=lambda found: found.name)
            ],
        ),
    )  # fmt: skip


def _asset(graph: Any, key: Any) -> str:
    node = graph.get(key)
    checks = sorted(one.name for one in graph.asset_check_keys if one.asset_key == key)
    above = sorted(one.to_user_string() for one in node.parent_keys)
    rows = [
        ["group", code(node.group_name)],
        ["made from", ", ".join(f"[`{one}`](#{one})" for one in above)],
        ["partitions", _partitions(node.partitions_def)],
        ["owner", ", ".join(code(one) for one in node.owners)],
        ["checks", ", ".join(code(one) for one in checks)],
        ["kind", "external: no run of Dagster's fills it" if node.is_external else ""],
    ]
    filled = [row for row in rows if row[1]]
    said = cell((node.description or "").split("\n\n")[0])
    return "\n\n".join([f"### {key.to_user_string()}", said, table(["property", "value"], filled)])


def _checks(repository: Any) -> Iterator[list[str]]:
    specs = {
        one.key: one
        for found in repository.assets_defs_by_key.values()
        for one in found.check_specs
    }
    specs |= {
        one.key: one
        for found in repository.asset_checks_defs_by_key.values()
        for one in found.check_specs
    }
    for key, spec in specs.items():
        asset = key.asset_key.to_user_string()
        yield [code(key.name), f"[`{asset}`](#{asset})", cell(spec.description or "")]


def _partitions(found: Any) -> str:
    dimensions = getattr(found, "partitions_defs", None)
    if dimensions:
        return " × ".join(sorted(one.name for one in dimensions))
    cadence = type(found).__name__.removesuffix("PartitionsDefinition").lower()
    return "" if found is None else {"daily": "day", "weekly": "week", "monthly": "month"}[cadence]
