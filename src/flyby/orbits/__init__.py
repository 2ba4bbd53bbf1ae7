"""An independent check of the sky: orbits from published elements, and what comes of them. The extra `orbits`."""
