"""Files and what is written to them: documents with a schema, atomic writes, locks, memory."""
