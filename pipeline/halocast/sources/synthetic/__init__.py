"""Writers of synthetic files in the formats of the real products, and the ocean they show."""
