"""Capacity estimation: from habits and measured unit costs to requests, storage, bandwidth and machines."""

from newsreel.capacity.estimate import Estimate, estimate
from newsreel.capacity.habits import Habits

__all__ = ["Estimate", "Habits", "estimate"]
