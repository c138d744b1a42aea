/* Salmon et al., Parallel random numbers: as easy as 1, 2, 3 (SC 2011), https://doi.org/10.1145/2063384.2063405 */
#include "inside.h"

#include <math.h>

enum { ROUNDS = 10 };
static const double TWO_PI = 6.283185307179586476925;
static const double WORDS = 4294967296.0; /* 2³² */

void flow_philox(uint32_t w[4], uint32_t key0, uint32_t key1) {
    for (int round = 0; round < ROUNDS; round++, key0 += 0x9E3779B9, key1 += 0xBB67AE85) {
        const uint64_t p = UINT64_C(0xD2511F53) * w[0], q = UINT64_C(0xCD9E8D57) * w[2];
        w[0] = (uint32_t)(q >> 32) ^ w[1] ^ key0;
        w[1] = (uint32_t)q;
        w[2] = (uint32_t)(p >> 32) ^ w[3] ^ key1;
        w[3] = (uint32_t)p;
    }
}

/* Normals 4b … 4b + 3: Box–Muller in float64 on two pairs of words. */
static void draw_block(uint64_t seed, uint64_t b, float normals[4]) {
    uint32_t words[4] = {(uint32_t)b, (uint32_t)(b >> 32)};
    flow_philox(words, (uint32_t)seed, (uint32_t)(seed >> 32));
    for (int pair = 0; pair < 4; pair += 2) {
        /* u + 1 may be 2³²: added in float64. */
        const double r = sqrt(-2 * log((words[pair] + 1.0) / WORDS));
        const double theta = TWO_PI * words[pair + 1] / WORDS;
        normals[pair] = (float)(r * cos(theta));
        normals[pair + 1] = (float)(r * sin(theta));
    }
}

void flow_normals(uint64_t seed, uint64_t start, size_t count, float *normals) {
    float block[4];
    for (size_t i = 0; i < count; i++) {
        const uint64_t number = start + i;
        if (i == 0 || number % 4 == 0)
            draw_block(seed, number / 4, block);
        normals[i] = block[number % 4];
    }
}
