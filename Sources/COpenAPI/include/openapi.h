#ifndef STRANDLINE_OPENAPI_H
#define STRANDLINE_OPENAPI_H

#include <stddef.h>

/* The text of openapi.yaml as it was when the program was built; it ends with no NUL. */
const unsigned char *strandline_openapi_text(void);

/* Its length in bytes. */
size_t strandline_openapi_length(void);

#endif
