#include "openapi.h"

/* Embedded so that the program serves the contract it was built with, wherever it is started. */
#pragma clang diagnostic ignored "-Wc23-extensions"
static const unsigned char text[] = {
#embed "../../openapi.yaml"
};

const unsigned char *strandline_openapi_text(void) { return text; }

size_t strandline_openapi_length(void) { return sizeof text; }
