/* The noise of samples: Philox4x32-10 and Box–Muller, as docs/bundle.md has them. */
#ifndef FLOWEXPORT_NOISE_H
#define FLOWEXPORT_NOISE_H

#include <stddef.h>
#include <stdint.h>

/* Standard normals number start … start + count − 1 of a seed. */
void normals(uint64_t seed, uint64_t start, size_t count, float *out);

#endif
