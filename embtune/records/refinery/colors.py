"""refinery's colour names, which are Tailwind's, in the shade that shows on light and dark pages."""

_SHADES = {
    "red": "#EF4444",
    "orange": "#F97316",
    "amber": "#F59E0B",
    "yellow": "#EAB308",
    "lime": "#84CC16",
    "green": "#22C55E",
    "emerald": "#10B981",
    "teal": "#14B8A6",
    "cyan": "#06B6D4",
    "sky": "#0EA5E9",
    "blue": "#3B82F6",
    "indigo": "#6366F1",
    "violet": "#8B5CF6",
    "purple": "#A855F7",
    "fuchsia": "#D946EF",
    "pink": "#EC4899",
    "rose": "#F43F5E",
    "slate": "#64748B",
    "gray": "#6B7280",
    "zinc": "#71717A",
    "neutral": "#737373",
    "stone": "#78716C",
}


def hex_of(name: str) -> str | None:
    """Return a colour like #0072B2; None for a name that is not known."""
    plain = name.strip()
    if len(plain) == 7 and plain[0] == "#" and all(char in "0123456789abcdefABCDEF" for char in plain[1:]):
        return plain.upper()
    return _SHADES.get(plain.lower())
