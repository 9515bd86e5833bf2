"""A real single-node Kubernetes on one development machine, without an image registry.

The tool needs only Python's standard library, so that it runs before anything
is installed; `dev/cluster` is its command line.
"""
