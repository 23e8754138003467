"""Impact-In Pipelines: impact figures delivered to CSR platforms on schedule, never twice."""
