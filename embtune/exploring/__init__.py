"""Finding what matters in a corpus: clusters, near-duplicates, outliers, likely label errors."""
