"""Export: the records with their labels, and the tuned model."""

from pages.shared.export_forms import model_form, records_form
from pages.shared.layout import title
from pages.shared.state import require_project

project = require_project()
title("Export")
records_form(project)
model_form(project)
