// The sources of Store.
