"""What a run leaves behind whose process is known to have died: nobody needs to wait for its leases."""

from impact_in_pipelines.platforms import Platform
from impact_in_pipelines.runtime import Runtime


def release_lost(runtime: Runtime, platform: Platform, run_id: str) -> int:
    """End the leases of `run_id`, and its claim to days that it had selected; returns how many deliveries it
    held. For a process that is certainly gone: one that lives would send on what another then sends too.

    Whoever claims them next finds what a lease that has ended by itself leaves: attempts that may have
    arrived are lost, and repeated under the same key (D4).
    """
    held = runtime.selections.end_leases(platform, run_id, now=runtime.clock())
    runtime.selections.release_of_run(platform, run_id)
    return held
