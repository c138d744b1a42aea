#include "noise.h"

#include <math.h>

/* Salmon et al., Parallel random numbers: as easy as 1, 2, 3 (SC 2011), section 3.3. */
static void philox(uint64_t block, uint64_t seed, uint32_t words[4]) {
  uint32_t low_key = (uint32_t)seed, high_key = (uint32_t)(seed >> 32);
  words[0] = (uint32_t)block;
  words[1] = (uint32_t)(block >> 32);
  words[2] = words[3] = 0;
  for (int round = 0; round < 10; ++round) {
    const uint64_t left = (uint64_t)0xD2511F53u * words[0], right = (uint64_t)0xCD9E8D57u * words[2];
    words[0] = (uint32_t)(right >> 32) ^ words[1] ^ low_key;
    words[1] = (uint32_t)right;
    words[2] = (uint32_t)(left >> 32) ^ words[3] ^ high_key;
    words[3] = (uint32_t)left;
    low_key += 0x9E3779B9u;
    high_key += 0xBB67AE85u;
  }
}

static void box_muller(uint32_t u, uint32_t v, float pair[2]) {
  static const double unit = 1.0 / 4294967296.0, turn = 6.283185307179586 / 4294967296.0;
  const double radius = sqrt(-2.0 * log(((double)u + 1.0) * unit)), angle = (double)v * turn;
  pair[0] = (float)(radius * cos(angle));
  pair[1] = (float)(radius * sin(angle));
}

void normals(uint64_t seed, uint64_t start, size_t count, float *out) {
  uint64_t block = start / 4;
  for (size_t skipped = (size_t)(start % 4), done = 0; done < count; ++block, skipped = 0) {
    uint32_t words[4];
    float four[4];
    philox(block, seed, words);
    box_muller(words[0], words[1], four);
    box_muller(words[2], words[3], four + 2);
    for (; skipped < 4 && done < count; ++skipped) out[done++] = four[skipped];
  }
}
