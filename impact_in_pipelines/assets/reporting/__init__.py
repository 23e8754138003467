"""What analysts and operators read: service levels, trends, anomalies."""
