// The sources of Loading.
