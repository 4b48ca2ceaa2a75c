"""Spark runtime: Java, jars, gateway, session, cluster, Delta commits and merges."""
