// The sources of HTTPClient.
