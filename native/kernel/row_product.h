/* Products of one row: y = b + W x, with columns of W as vector lanes, several panels in one pass over x. */
#ifndef FLOWEXPORT_ROW_PRODUCT_H
#define FLOWEXPORT_ROW_PRODUCT_H

#include <stddef.h>

#include "program.h"
#include "vector.h"

enum { VECTORS = PANEL / LANES }; /* of a panel */

/* The places of what is not 0, NaN included; `places` has room for `count` and a vector more. How many there are. */
static inline int filled(const float *x, int count, int32_t *places) {
  int found = 0, k = 0;
#ifdef __AVX512F__
  __m512i here = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  for (; k + 16 <= count; k += 16) {
    const __mmask16 kept = _mm512_cmp_ps_mask(_mm512_loadu_ps(x + k), _mm512_setzero_ps(), _CMP_NEQ_UQ);
    _mm512_storeu_si512(places + found, _mm512_maskz_compress_epi32(kept, here));
    found += __builtin_popcount(kept);
    here = _mm512_add_epi32(here, _mm512_set1_epi32(16));
  }
#endif
  for (; k < count; ++k) {
    places[found] = k;
    found += x[k] != 0;
  }
  return found;
}

static inline void put(float *y, const V *sums, int count, int relu) {
  UNROLL for (int v = 0; v < VECTORS; ++v) {
    const V sum = relu ? rectified(sums[v]) : sums[v];
    store(y + v * LANES, sum, count - v * LANES);
  }
}

/* PANELS panels at once: as many sums in flight hide the time that one takes. `stride`: numbers of a panel. */
#define DEFINE_PANELS(PANELS)                                                                                   \
  static inline void panels_##PANELS(const float *restrict x, const int32_t *restrict places, int used,         \
                                     const float *restrict w, const float *restrict b, float *restrict y,       \
                                     size_t stride, int outputs, int relu) {                                    \
    V sums[PANELS][VECTORS];                                                                                    \
    UNROLL for (int p = 0; p < PANELS; ++p) {                                                                   \
      UNROLL for (int v = 0; v < VECTORS; ++v) sums[p][v] = ((const V *)b)[p * VECTORS + v];                    \
    }                                                                                                           \
    for (int i = 0; i < used; ++i) {                                                                            \
      const int k = places ? places[i] : i;                                                                     \
      const float xk = x[k];                                                                                    \
      const float *row = w + (size_t)k * PANEL;                                                                 \
      UNROLL for (int p = 0; p < PANELS; ++p) {                                                                 \
        UNROLL for (int v = 0; v < VECTORS; ++v) sums[p][v] += xk * ((const V *)(row + (size_t)p * stride))[v]; \
      }                                                                                                         \
    }                                                                                                           \
    UNROLL for (int p = 0; p < PANELS; ++p) put(y + p * PANEL, sums[p], outputs - p * PANEL, relu);             \
  }
DEFINE_PANELS(2)
#if LANES > 4
DEFINE_PANELS(4)
#endif
#if LANES > 8
DEFINE_PANELS(8)
#endif
#undef DEFINE_PANELS

/* One panel: four sums over x in turn, added at the end. */
static inline void panel(const float *restrict x, const int32_t *restrict places, int used, const float *restrict w,
                         const float *restrict b, float *restrict y, int outputs, int relu) {
  enum { CHAINS = LANES > 4 ? 4 : 2 };
  V sums[CHAINS][VECTORS] = {{{0}}};
  UNROLL for (int v = 0; v < VECTORS; ++v) sums[0][v] = ((const V *)b)[v];
  int i = 0;
  for (; i + CHAINS <= used; i += CHAINS) {
    UNROLL for (int q = 0; q < CHAINS; ++q) {
      const int k = places ? places[i + q] : i + q;
      UNROLL for (int v = 0; v < VECTORS; ++v) sums[q][v] += x[k] * ((const V *)(w + (size_t)k * PANEL))[v];
    }
  }
  for (; i < used; ++i) {
    const int k = places ? places[i] : i;
    UNROLL for (int v = 0; v < VECTORS; ++v) sums[0][v] += x[k] * ((const V *)(w + (size_t)k * PANEL))[v];
  }
  UNROLL for (int q = 1; q < CHAINS; ++q) { UNROLL for (int v = 0; v < VECTORS; ++v) sums[0][v] += sums[q][v]; }
  put(y, sums[0], outputs, relu);
}

/* `places`: of the numbers of x that count, `used` of them; NULL where all `inputs` do. */
static void linear(const float *restrict x, const int32_t *restrict places, int used, const float *restrict w,
                   const float *restrict b, float *restrict y, int inputs, int outputs, int relu) {
  const size_t stride = (size_t)inputs * PANEL;
  int n = 0;
#define TAKE(PANELS)                                              \
  for (; n + (PANELS - 1) * PANEL < outputs; n += PANELS * PANEL) \
    panels_##PANELS(x, places, used, w + (size_t)n * (size_t)inputs, b + n, y + n, stride, outputs - n, relu);
#if LANES > 8
  TAKE(8)
#endif
#if LANES > 4
  TAKE(4)
#endif
  TAKE(2)
#undef TAKE
  for (; n < outputs; n += PANEL)
    panel(x, places, used, w + (size_t)n * (size_t)inputs, b + n, y + n, outputs - n, relu);
}

/* Few outputs: each a sum over vectors of x. Weights [outputs][inputs]. */
static void dot(const float *restrict x, const float *restrict w, const float *restrict b, float *restrict y,
                int inputs, int outputs) {
  for (int n = 0; n < outputs; ++n, w += inputs) {
    V even = splat(0), odd = splat(0);
    int k = 0;
    for (; k + 2 * LANES <= inputs; k += 2 * LANES) {
      even += load(x + k) * load(w + k);
      odd += load(x + k + LANES) * load(w + k + LANES);
    }
    for (; k + LANES <= inputs; k += LANES) even += load(x + k) * load(w + k);
    if (k < inputs) odd += load_first(x + k, inputs - k) * load_first(w + k, inputs - k);
    y[n] = b[n] + sum(even + odd);
  }
}

#endif
