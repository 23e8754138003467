"""Which platforms there are, and the published facts about each: what the installed connectors say.

A connector is a plug-in (entry point `impact_in.connectors`; docs/how-to/add-a-platform.md): nothing else
lists platforms. Names are read on first use, a connector is imported when a fact about it is asked for.
"""

from impact_in_pipelines.platforms.facts import (
    FACTS,
    LONGEST_TRANSACTION_ID,
    RETRIED_KINDS,
    TITLES,
    Credential,
    PlatformFacts,
    SecondReport,
    facts_if_installed,
)
from impact_in_pipelines.platforms.names import Platform
from impact_in_pipelines.platforms.plugins import (
    API_VERSION,
    GROUP,
    PluginMissing,
    PluginProblem,
    installed,
    installed_files,
    installed_platform,
    is_installed,
    leave_out_others,
    plugin_of,
    problems,
    registered_names,
)

__all__ = [
    "API_VERSION",
    "FACTS",
    "GROUP",
    "LONGEST_TRANSACTION_ID",
    "RETRIED_KINDS",
    "TITLES",
    "Credential",
    "Platform",
    "PlatformFacts",
    "PluginMissing",
    "PluginProblem",
    "SecondReport",
    "facts_if_installed",
    "installed",
    "installed_files",
    "installed_platform",
    "is_installed",
    "leave_out_others",
    "plugin_of",
    "problems",
    "registered_names",
]
