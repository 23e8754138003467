"""What every drain needs, imported once: a process that has imported this is forked for each platform."""

from importlib import import_module

from impact_in_pipelines.loading import without_collecting

with without_collecting():
    for _name in (
        "definitions",
        "dagster_instance.runs.running",
        "impact.gate",
        "connectors.registry",
    ):
        import_module(f"impact_in_pipelines.{_name}")
