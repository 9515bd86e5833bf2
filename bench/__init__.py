"""What Luthier costs and gains, measured: `python -m bench --help`."""
