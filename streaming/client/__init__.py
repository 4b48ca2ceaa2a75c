"""Python SDK: a session with the API, resumable uploads, retries."""
