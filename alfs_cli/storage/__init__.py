"""Files on disk: documents with a schema, atomic writes, locks, and limits of memory."""
