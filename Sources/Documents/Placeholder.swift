// The sources of Documents.
