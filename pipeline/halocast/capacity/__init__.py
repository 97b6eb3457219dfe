"""Capacity: what the tasks of a cycle cost, and what a cluster would make of it."""
