"""Pure scores: top-k, separation, classification, comparison."""
