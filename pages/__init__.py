"""The pages of the app, one thin file per task."""
