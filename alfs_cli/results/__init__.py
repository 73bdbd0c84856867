"""Every saved result as a type with its one reader."""
