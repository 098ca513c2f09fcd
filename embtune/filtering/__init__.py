"""Filters over records: a query is checked, then answered with masks of shape (n,); arrays in, arrays out."""
