"""2-D projections, the shapes drawn on them, and the raster for big ones."""
