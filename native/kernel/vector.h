/* LANES numbers at a time, by the vector extensions of GCC and Clang: one source for every instruction set. */
#ifndef FLOWEXPORT_VECTOR_H
#define FLOWEXPORT_VECTOR_H

#include <stdint.h>
#ifdef __AVX512F__
#include <immintrin.h>
#endif

#ifdef __FAST_MATH__
#error "-ffast-math cancels the rounding steps of exp: results would be off by hundreds of nats"
#endif

#ifndef LANES
#error "LANES: how many float32 a vector holds, 4, 8 or 16"
#endif

#define BYTES (LANES * 4)

typedef float V __attribute__((vector_size(BYTES), may_alias));
typedef float Unaligned __attribute__((vector_size(BYTES), aligned(4), may_alias));
typedef int32_t Bits __attribute__((vector_size(BYTES), may_alias));
typedef uint32_t UnsignedBits __attribute__((vector_size(BYTES), may_alias));

#ifdef __clang__
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 32")
#endif

/* x in every lane; what is subtracted is +0, so that −0 stays. */
static inline V splat(float x) { return x - (V){0}; }
static inline V load(const float *at) { return (V) * (const Unaligned *)at; }

/* A comparison of vectors gives −1 where it holds and 0 elsewhere: bits that choose. */
static inline V choose(Bits where, V a, V b) { return (V)(((Bits)a & where) | ((Bits)b & ~where)); }
static inline V truth(Bits holds) { return (V)((Bits)splat(1.0f) & holds); }

/* A NaN in a stays, one in b does not: as ONNX Runtime's own order has it in Clip, Max and ReLU. */
static inline V larger(V a, V b) { return choose(a < b, b, a); }
static inline V smaller(V a, V b) { return choose(a > b, b, a); }
static inline V rectified(V a) { return (V)((Bits)a & ~(a < 0)); }
static inline V magnitude(V a) { return (V)((Bits)a & 0x7FFFFFFF); }

static inline V root(V a) {
  for (int i = 0; i < LANES; ++i) a[i] = __builtin_sqrtf(a[i]);
  return a;
}

/* The first `count` numbers of a vector, all of them where it is more. */
static inline void store(float *at, V v, int count) {
  if (count >= LANES) {
    *(Unaligned *)at = v;
    return;
  }
#if LANES == 16 && defined __AVX512F__
  _mm512_mask_storeu_ps(at, (__mmask16)((1u << count) - 1), (__m512)v);
#else
  for (int i = 0; i < count; ++i) at[i] = v[i];
#endif
}

/* The first `count` numbers, fewer than LANES, and 0 behind them. */
static inline V load_first(const float *at, int count) {
#if LANES == 16 && defined __AVX512F__
  return (V)_mm512_maskz_loadu_ps((__mmask16)((1u << count) - 1), at);
#else
  V v = splat(0);
  for (int i = 0; i < count; ++i) v[i] = at[i];
  return v;
#endif
}

/* Of all lanes, in halves: one after the other would wait for each. */
static inline float sum(V v) {
#if LANES == 16 && defined __AVX512F__
  return _mm512_reduce_add_ps((__m512)v);
#else
  float lanes[LANES];
  *(Unaligned *)lanes = v;
  for (int half = LANES / 2; half > 0; half /= 2) {
    for (int i = 0; i < half; ++i) lanes[i] += lanes[i + half];
  }
  return lanes[0];
#endif
}

#endif
