"""The lab: real agents and real peers in network namespaces. See tests/lab/README.md."""
