/* Products of a tile of rows: y = b + W x, with rows as vector lanes and OUTPUTS numbers of y in registers at a time.
 */
#ifndef FLOWEXPORT_TILE_PRODUCT_H
#define FLOWEXPORT_TILE_PRODUCT_H

#include <stddef.h>

#include "program.h"
#include "vector.h"

#ifndef VECTORS
#error "VECTORS: of a number of the tile, which has LANES · VECTORS rows"
#endif
enum { ROWS = LANES * VECTORS };

/* `row`: from a weight to that of the next input; `column`: to that of the next output. */
#define DEFINE_OUTPUTS(OUTPUTS)                                                                                      \
  static inline void outputs_##OUTPUTS(const float *restrict x, const float *restrict w, const float *restrict b,    \
                                       float *restrict y, int inputs, int row, int column, int relu) {               \
    V sums[OUTPUTS][VECTORS];                                                                                        \
    UNROLL for (int n = 0; n < OUTPUTS; ++n) { UNROLL for (int v = 0; v < VECTORS; ++v) sums[n][v] = splat(b[n]); }  \
    for (int k = 0; k < inputs; ++k, w += row, x += ROWS) {                                                          \
      UNROLL for (int n = 0; n < OUTPUTS; ++n) {                                                                     \
        UNROLL for (int v = 0; v < VECTORS; ++v) sums[n][v] += w[n * column] * ((const V *)x)[v];                    \
      }                                                                                                              \
    }                                                                                                                \
    UNROLL for (int n = 0; n < OUTPUTS; ++n) {                                                                       \
      UNROLL for (int v = 0; v < VECTORS; ++v)((V *)y)[n * VECTORS + v] = relu ? rectified(sums[n][v]) : sums[n][v]; \
    }                                                                                                                \
  }
DEFINE_OUTPUTS(1)
DEFINE_OUTPUTS(2)
DEFINE_OUTPUTS(4)

/* How a whole panel is cut depends on the registers there are: all of it in 32, three parts in 16. */
#if defined __AVX512F__
DEFINE_OUTPUTS(8)
DEFINE_OUTPUTS(16)
#define WHOLE_PANEL(T) T(16)
#define PART_OF_PANEL(T) T(8) T(4) T(2) T(1)
#elif defined __aarch64__ || VECTORS == 1
DEFINE_OUTPUTS(8)
#define WHOLE_PANEL(T) T(8) T(8)
#define PART_OF_PANEL(T) T(8) T(4) T(2) T(1)
#else
DEFINE_OUTPUTS(5)
DEFINE_OUTPUTS(6)
#define WHOLE_PANEL(T) T(6) T(5) T(5)
#define PART_OF_PANEL(T) T(6) T(5) T(4) T(2) T(1)
#endif

/* Each panel of W serves all tiles, `apart` numbers from one another, while it is in the cache. */
static void linear(const float *restrict x, const float *restrict w, const float *restrict b, float *restrict y,
                   int inputs, int outputs, int relu, int tiles, size_t apart) {
  for (int first = 0; first < outputs; first += PANEL, w += (size_t)inputs * PANEL) {
    const int count = outputs - first;
    for (int tile = 0; tile < tiles; ++tile) {
      const float *from = x + (size_t)tile * apart;
      float *to = y + (size_t)tile * apart + (size_t)first * ROWS;
      int n = 0;
#define TAKE(OUTPUTS) \
  outputs_##OUTPUTS(from, w + n, b + first + n, to + (size_t)n * ROWS, inputs, PANEL, 1, relu), n += OUTPUTS;
#define TAKE_WHILE(OUTPUTS)      \
  while (n + OUTPUTS <= count) { \
    TAKE(OUTPUTS)                \
  }
      if (count >= PANEL) {
        WHOLE_PANEL(TAKE)
      } else {
        PART_OF_PANEL(TAKE_WHILE)
      }
#undef TAKE
#undef TAKE_WHILE
    }
  }
}

/* Weights [outputs][inputs]. */
static void dot(const float *restrict x, const float *restrict w, const float *restrict b, float *restrict y,
                int inputs, int outputs) {
  int n = 0;
#define TAKE_WHILE(OUTPUTS)                    \
  for (; n + OUTPUTS <= outputs; n += OUTPUTS) \
    outputs_##OUTPUTS(x, w + (size_t)n * (size_t)inputs, b + n, y + (size_t)n * ROWS, inputs, 1, inputs, 0);
  TAKE_WHILE(4) TAKE_WHILE(2) TAKE_WHILE(1)
#undef TAKE_WHILE
}

#endif
