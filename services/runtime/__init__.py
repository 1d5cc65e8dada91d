"""What every service needs to run: settings, the consume loop, metrics, HTTP, supervision."""
