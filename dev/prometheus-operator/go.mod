// Only fetched, never built: its definitions of ServiceMonitor, PodMonitor and PrometheusRule are what tests ask.
module prometheus-operator

go 1.24.0

require github.com/prometheus-operator/prometheus-operator v0.85.0
