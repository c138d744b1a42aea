/* The noise behind every sample; flow_normals is in flow.h. */
#ifndef FLOW_NOISE_H
#define FLOW_NOISE_H

#include <stdint.h>

/* Philox4x32-10: four words of a counter and a key. */
void flow_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t words[4]);

#endif
