"""Label a pile of texts by similarity, and fine-tune the embedding on your labels.

>>> project = embtune.open("news")
"""

from embtune.errors import EmbtuneError
from embtune.project import Neighbor, Project, Record
from embtune.project import open_project as open  # noqa: A004 -- embtune.open reads as what it does
from embtune.project import project_cards as projects

__version__ = "0.1.0"
__all__ = ["EmbtuneError", "Neighbor", "Project", "Record", "open", "projects"]
