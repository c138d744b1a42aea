/* exp, log and what is made of them, within 1 unit in the last place over all float32, NaN and infinities included.
 *
 * Polynomials: Cephes, expf.c and logf.c (Moshier, 1992), https://www.netlib.org/cephes/. They stand in what flowexport
 * writes as C once more: the two are distributions of their own, and neither is there where the other is built. A test
 * holds them equal. */
#ifndef FLOWEXPORT_ELEMENTARY_H
#define FLOWEXPORT_ELEMENTARY_H

#include "vector.h"

/* 1.5 · 2²³: a number added to it is rounded to a whole one, which then stands in the low bits. */
#define ROUNDER 12582912.0f
#define ROUNDER_BITS 0x4B400000
/* ln 2 in two parts: of the first, a multiple by up to 2¹⁰ is exact. */
#define LN2_HIGH 0.693359375f
#define LN2_LOW (-2.12194440e-4f)

static inline V power_of_two(Bits n) { return (V)((UnsignedBits)(n + 127) << 23); }

/* e^x = 2^n · e^r with |r| ≤ ln 2 / 2. */
static inline V exponential(V x) {
  x = larger(smaller(x, splat(89.0f)), splat(-104.0f)); /* beyond, it is ∞ and 0 */
  V rounded = x * 1.44269504f + ROUNDER;
  const Bits n = (Bits)rounded - ROUNDER_BITS;
  rounded = rounded - ROUNDER;
  const V r = x - rounded * LN2_HIGH - rounded * LN2_LOW;
  V p = r * 1.9875691500e-4f + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r + 1.0f;
  const Bits half = n >> 1; /* 2^n itself may not be a float where the result is */
  return p * power_of_two(half) * power_of_two(n - half);
}

/* ln x = e · ln 2 + ln m with m from √½ to √2. */
static inline V logarithm(V x) {
  const Bits denormal = (Bits)x < 0x00800000; /* and what is not above 0 */
  const Bits scaled = (Bits)choose(denormal, x * 8388608.0f, x);
  Bits e = (scaled >> 23) - 126 - (denormal & 23);
  V m = (V)((scaled & 0x007FFFFF) | 0x3F000000);
  const Bits low = m < 0.707106781186547524f;
  e = e + low;
  m = m + (V)((Bits)m & low) - 1.0f;
  const V square = m * m, exponent = __builtin_convertvector(e, V);
  V y = m * 7.0376836292e-2f - 1.1514610310e-1f;
  y = y * m + 1.1676998740e-1f;
  y = y * m - 1.2420140846e-1f;
  y = y * m + 1.4249322787e-1f;
  y = y * m - 1.6668057665e-1f;
  y = y * m + 2.0000714765e-1f;
  y = y * m - 2.4999993993e-1f;
  y = y * m + 3.3333331174e-1f;
  y = y * m * square;
  y = y + exponent * LN2_LOW;
  y = y - square * 0.5f;
  V result = m + y + exponent * LN2_HIGH;
  result = choose(x == 0, splat(-__builtin_inff()), result);
  result = choose(x < 0, splat(__builtin_nanf("")), result);
  return choose((x < __builtin_inff()), result, x); /* ∞ and NaN are their own */
}

static inline V sigmoid(V x) { return 1.0f / (1.0f + exponential(-x)); }
static inline V softsign(V x) { return x / (1.0f + magnitude(x)); }

#endif
