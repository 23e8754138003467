"""Impact-In Pipelines: impact figures delivered to CSR platforms on schedule, never twice."""

__version__ = "0.2.0"
"""The one version: of the package, of the API's description and of the agent that platforms see."""
