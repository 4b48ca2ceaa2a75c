"""WORDS: every table, counter, channel, DAG id, event, setting and error, declared once; imports nothing of ours."""
