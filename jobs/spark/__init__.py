"""Spark itself: Java, jars, session, gateway, cluster, Delta commits and merges."""
