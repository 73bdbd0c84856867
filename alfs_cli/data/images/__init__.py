"""Pictures: opened safely, decoded, kept in memory or on disk."""
