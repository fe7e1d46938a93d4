// The sources of Engine.
