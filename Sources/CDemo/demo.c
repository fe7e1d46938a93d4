#include "demo.h"

/* Embedded so that `strandline demo` writes the very files that `make run` serves. */
#pragma clang diagnostic ignored "-Wc23-extensions"
static const unsigned char customers[] = {
#embed "../../examples/demo/customers.yaml"
};
static const unsigned char orders[] = {
#embed "../../examples/demo/orders.yaml"
};
static const unsigned char products[] = {
#embed "../../examples/demo/products.yaml"
};
static const unsigned char shop[] = {
#embed "../../examples/demo/shop.yaml"
};

static const struct {
    const char *name;
    const unsigned char *text;
    size_t length;
} documents[] = {
    {"customers.yaml", customers, sizeof customers},
    {"orders.yaml", orders, sizeof orders},
    {"products.yaml", products, sizeof products},
    {"shop.yaml", shop, sizeof shop},
};

size_t strandline_demo_count(void) { return sizeof documents / sizeof documents[0]; }

const char *strandline_demo_name(size_t place) {
    return place < strandline_demo_count() ? documents[place].name : NULL;
}

const unsigned char *strandline_demo_text(size_t place) {
    return place < strandline_demo_count() ? documents[place].text : NULL;
}

size_t strandline_demo_length(size_t place) { return place < strandline_demo_count() ? documents[place].length : 0; }
