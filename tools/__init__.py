"""Programs of the repository itself: set-up and generated references."""
