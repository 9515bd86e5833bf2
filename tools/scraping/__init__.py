"""A real Prometheus that is configured by the chart, as the Prometheus operator would do it."""
