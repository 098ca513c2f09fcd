"""Settings, read from the environment (prefix `EMBTUNE_`)."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from pydantic import SecretStr
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

    allow_code: bool = False
    """Whether heuristics written in Python may run, each in a process of its own under limits."""

    llm_url: str | None = None
    """Address of a language model that speaks OpenAI's protocol, such as http://localhost:11434/v1."""

    llm_key: SecretStr | None = None
    """Its key, if it wants one; sent to that address only."""

    llm_model: str | None = None
    """The model's name there, for heuristics that name none."""

    llm_price_in: float | None = None
    """What a million tokens sent cost, in whichever currency; only to show costs."""

    llm_price_out: float | None = None
    """What a million tokens answered cost."""

    llm_requests_per_minute: int = 60
    """How many requests a minute may be sent at most."""

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
