"""HTTP kit shared by every server of this project; knows nothing of videos."""
