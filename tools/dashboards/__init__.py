"""Grafana's dashboards as Python: typed by the foundation SDK, written to the chart by `tools/write_dashboards.py`."""
