"""Prometheus rules and Grafana dashboards as code: ``python -m deploy.monitoring`` writes them."""
