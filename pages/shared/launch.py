"""Starts Streamlit on app.py: `python pages/shared/launch.py [streamlit options]`.

A folder named pages/ makes Streamlit take every file in it for a page until app.py has run once, so that the
first visitor who opens an address like /map would get that page without app.py's navigation. Said here
before the server starts, it holds from the first visit on.
"""

import sys
from pathlib import Path

from streamlit.runtime.pages_manager import PagesManager
from streamlit.web import cli

if __name__ == "__main__":
    PagesManager.uses_pages_directory = False
    app = Path(__file__).resolve().parents[2] / "app.py"
    sys.argv = ["streamlit", "run", str(app), *sys.argv[1:]]
    sys.exit(cli.main())
