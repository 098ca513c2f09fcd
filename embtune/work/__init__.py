"""Long work, one file each: takes a project and a report, leaves files and rows that are whole."""
