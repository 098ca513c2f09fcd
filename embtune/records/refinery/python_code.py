"""Python code as a tree to look at; it is never run."""

import ast
import warnings

_LONGEST = 200_000  # characters


def python_of(code: str) -> ast.Module | None:
    """Return the tree of some code, None if it cannot be read."""
    if len(code) > _LONGEST:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of strings with a backslash that means nothing
            return ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
