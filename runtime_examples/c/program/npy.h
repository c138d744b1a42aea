/* Arrays of a bundle: .npy version 1.0, little-endian float32 or float64, C order. */
#ifndef NPY_H
#define NPY_H

#include "flow.h"

/* Reads the bytes of an .npy file in place: the numbers are moved to the front of data, where they are aligned, and
 * *array looks at them there. where: the file's path, for messages. Fails with FLOW_BAD_BUNDLE. */
bool read_npy(unsigned char *data, size_t size, const char *where, flow_array *array, flow_error *error);

#endif
