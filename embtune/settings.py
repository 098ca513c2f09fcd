"""Settings, read from the environment (prefix `EMBTUNE_`)."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Where things live and what this process may do."""

    model_config = SettingsConfigDict(env_prefix="EMBTUNE_", extra="ignore")

    home: Path = Path("~/.embtune")
    """Folder of the database and of every project's files."""

    database_url: str | None = None
    """SQLAlchemy URL; the default is a SQLite file in `home`."""

    model: str = "all-MiniLM-L6-v2"
    """Base embedding model of new projects: a name or a folder."""

    device: str = "auto"
    """`auto`, `cuda`, `mps` or `cpu`."""

    annotator: str = "me"
    """Name written beside votes when nobody is signed in."""

    log_level: str = "INFO"

    @property
    def home_path(self) -> Path:
        """The home folder, absolute, with `~` expanded."""
        return self.home.expanduser().absolute()

    @property
    def url(self) -> str:
        """The database URL in force."""
        return self.database_url or f"sqlite:///{self.home_path / 'embtune.db'}"


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """Return the settings of this process, read once."""
    return Settings()
