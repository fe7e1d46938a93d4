// The sources of API.
