"""What every drain needs, imported once: a process that has imported this is forked for each platform."""

from impact_in_pipelines.loading import without_collecting

with without_collecting():
    import impact_in_pipelines.dagster_instance.running
    import impact_in_pipelines.definitions
    import impact_in_pipelines.impact.gate  # noqa: F401
