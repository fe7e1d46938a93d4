// The sources of HTTPServer.
