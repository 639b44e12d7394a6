"""Faults at random against a small cluster of real agents, and a judge who sees only kernels and the wire."""
