#ifndef STRANDLINE_DEMO_H
#define STRANDLINE_DEMO_H

#include <stddef.h>

/* How many documents of examples/demo there are; those of a place from 0 below it follow. */
size_t strandline_demo_count(void);

/* The file's name; NULL where there is none. */
const char *strandline_demo_name(size_t place);

/* Its text as it was when the program was built, with no NUL at its end; NULL where there is none. */
const unsigned char *strandline_demo_text(size_t place);

/* The text's length in bytes. */
size_t strandline_demo_length(size_t place);

#endif
