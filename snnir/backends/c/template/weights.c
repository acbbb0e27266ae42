/*@banner@*/
#include "model.h"

#if defined(__GNUC__) && __GNUC__ >= 15
/* The rows are bytes, not strings: they need no terminator. */
#pragma GCC diagnostic ignored "-Wunterminated-string-initialization"
#endif

/*@weights@*/
const int8_t *const name_weights = (const int8_t *)weight_rows;

