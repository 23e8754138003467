"""Anomalies: which daily series have left what their past says of them. Pure: numpy and `scipy.special`."""
