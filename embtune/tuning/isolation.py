"""What a training must not leave behind in its process: seeds, thread counts, log levels, warnings."""

from __future__ import annotations

import logging
import random
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_ONE_THREAD_UP_TO = 512  # rows in a batch


@contextmanager
def own_randomness(seed: int, device: str) -> Iterator[None]:
    """Seed torch for the block, and give every global generator its state back after it."""
    import torch

    count = {"cuda": torch.cuda.device_count(), "mps": 1}.get(device, 0)
    state = random.getstate()  # Quaterion salts its keys with it
    with torch.random.fork_rng(devices=range(count), device_type=device if count else "cuda"):
        torch.manual_seed(seed)
        try:
            yield
        finally:
            random.setstate(state)


@contextmanager
def threads_for(batch_size: int) -> Iterator[None]:
    """Give torch one thread where batches are small.

    There a second one gains nothing, and on a busy machine the threads wait for each other: ten times slower.
    """
    import torch

    before = torch.get_num_threads()
    if batch_size <= _ONE_THREAD_UP_TO:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Keep Lightning's banners, and advice about workers and loggers we do without, off the screen."""
    loggers = [logging.getLogger(name) for name in ("pytorch_lightning", "lightning_fabric")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


@contextmanager
def no_progress_bars() -> Iterator[None]:
    """Keep the bars of transformers off the screen."""
    from transformers.utils import logging as transformers_logging

    had_bars = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        if had_bars:
            transformers_logging.enable_progress_bar()
