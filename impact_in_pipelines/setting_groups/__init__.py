"""Parts of `settings.Settings`, a subject each."""

from impact_in_pipelines.setting_groups.access import AccessSettings
from impact_in_pipelines.setting_groups.analytics import AnalyticsSettings
from impact_in_pipelines.setting_groups.anomalies import AnomalySettings
from impact_in_pipelines.setting_groups.breakers import BreakerSettings
from impact_in_pipelines.setting_groups.companies import CompanySettings
from impact_in_pipelines.setting_groups.logs import LogSettings
from impact_in_pipelines.setting_groups.notices import NoticeSettings
from impact_in_pipelines.setting_groups.retention import EvidenceSettings, RetentionSettings


class SettingGroups(
    AccessSettings,
    AnalyticsSettings,
    AnomalySettings,
    BreakerSettings,
    CompanySettings,
    EvidenceSettings,
    LogSettings,
    NoticeSettings,
    RetentionSettings,
):
    """All of them."""
