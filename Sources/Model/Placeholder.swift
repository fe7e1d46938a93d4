// The sources of Model.
