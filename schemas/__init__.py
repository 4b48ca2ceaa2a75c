"""WORDS: every table, event, setting and error, declared once; imports nothing of ours."""
