"""The cockpit: the deliveries page and what belongs to it, rendered here, without a build step."""
