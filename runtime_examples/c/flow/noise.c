/* Salmon et al., Parallel random numbers: as easy as 1, 2, 3 (SC 2011), https://doi.org/10.1145/2063384.2063405 */
#include "noise.h"

#include "flow.h"

#include <math.h>
#include <string.h>

enum { ROUNDS = 10 };
static const double TWO_PI = 6.283185307179586476925;
static const double WORDS = 4294967296.0; /* 2³² */

void flow_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t words[4]) {
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3], k0 = key[0], k1 = key[1];
    for (int round = 0; round < ROUNDS; round++) {
        const uint64_t p = UINT64_C(0xD2511F53) * c0, q = UINT64_C(0xCD9E8D57) * c2;
        c0 = (uint32_t)(q >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)q;
        c2 = (uint32_t)(p >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)p;
        k0 += 0x9E3779B9;
        k1 += 0xBB67AE85;
    }
    words[0] = c0;
    words[1] = c1;
    words[2] = c2;
    words[3] = c3;
}

/* Normals 4b … 4b + 3: Box–Muller in float64 on two pairs of words. */
static void draw_block(uint64_t seed, uint64_t b, float normals[4]) {
    const uint32_t counter[4] = {(uint32_t)b, (uint32_t)(b >> 32), 0, 0};
    const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    uint32_t words[4];
    flow_philox(counter, key, words);
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
    size_t taken;
    for (size_t done = 0; done < count; done += taken) {
        const uint64_t number = start + done;
        draw_block(seed, number / 4, block);
        const size_t skipped = number % 4, left = count - done;
        taken = left < 4 - skipped ? left : 4 - skipped;
        memcpy(normals + done, block + skipped, taken * sizeof *normals);
    }
}
