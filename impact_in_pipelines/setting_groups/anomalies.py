"""The settings of the search for anomalies: whether, and how many false alarms are accepted."""

from pydantic import BaseModel, Field


class AnomalySettings(BaseModel):
    """Part of `settings.Settings`: the fields about anomalies."""

    enable_anomaly_detection: bool = Field(True, description="true or false")
    anomaly_false_alarms_per_quarter: float = Field(
        1.0, ge=0.001, le=10, description="false alarms of a company, from 0.001 to 10"
    )
    anomaly_false_alarms_per_day: float = Field(
        1.0, ge=0.001, le=1000, description="false alarms of all companies, from 0.001 to 1000"
    )
