/* What flows are made of, one number or one vector at a time: C99, no heap, no libm.
   Written by flowexport. Every float32 is computed as it is written: contraction to fused products does no harm,
   what -ffast-math allows beyond that does. */
#ifndef FLOWEXPORT_KERNELS_H
#define FLOWEXPORT_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#if defined(__FAST_MATH__) || (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__) || defined(__ASSOCIATIVE_MATH__)
#error "compile without -ffast-math: it breaks exp and log here, by up to hundreds of nats, and makes nothing faster"
#endif

#if defined(__FLT_EVAL_METHOD__) && (__FLT_EVAL_METHOD__ == 1 || __FLT_EVAL_METHOD__ == 2)
#error "compile with floats that are float32, not wider (on 32-bit x86: -msse2 -mfpmath=sse): exp counts on their rounding"
#endif

#if defined(__GNUC__)
#define FX_INLINE static inline __attribute__((always_inline))
#define FX_CALLED static __attribute__((noinline, unused))
#define FX_INFINITY __builtin_inff()
#define FX_NAN __builtin_nanf("")
#else
#include <math.h>
#define FX_INLINE static inline
#define FX_CALLED static
#define FX_INFINITY ((float)INFINITY)
#define FX_NAN ((float)NAN)
#endif

#if defined(__clang__)
#define FX_UNROLL _Pragma("unroll")
#elif defined(__GNUC__)
#define FX_UNROLL _Pragma("GCC unroll 16")
#else
#define FX_UNROLL
#endif

/* Four numbers at once where a processor has them; where not, one. */
#if defined(__GNUC__) && (defined(__SSE2__) || defined(__ARM_NEON) || defined(__wasm_simd128__))
#define FX_LANES 4
typedef float fx_lanes __attribute__((vector_size(16), aligned(4), may_alias));
#else
#define FX_LANES 1
typedef float fx_lanes;
#endif

/* ---- one number ---- */

FX_INLINE uint32_t fx_bits(float number)
{
    union { float number; uint32_t bits; } both;
    both.number = number;
    return both.bits;
}

FX_INLINE float fx_float(uint32_t bits)
{
    union { float number; uint32_t bits; } both;
    both.bits = bits;
    return both.number;
}

/* A NaN in a stays. */
FX_INLINE float fx_max(float a, float b) { return a < b ? b : a; }
FX_INLINE float fx_min(float a, float b) { return a > b ? b : a; }
FX_INLINE float fx_relu(float x) { return x < 0.0f ? 0.0f : x; }
FX_INLINE float fx_abs(float x) { return fx_float(fx_bits(x) & 0x7FFFFFFFu); }
FX_INLINE float fx_softsign(float x) { return x / (1.0f + fx_abs(x)); }

/* e^x to a unit in the last place: 2^n e^r with |r| at most ln(2) / 2, and a polynomial for e^r. */
FX_INLINE float fx_exp(float x)
{
    const float bounded = fx_max(fx_min(x, 89.0f), -104.0f);
    const float shifted = bounded * 1.44269504f + 12582912.0f; /* n, rounded, in the last bits */
    const uint32_t n = fx_bits(shifted) - 0x4B400000u;
    const uint32_t half = (n + 0x80000000u) / 2u - 0x40000000u;
    const float whole = shifted - 12582912.0f;
    const float r = (bounded - whole * 0.693359375f) + whole * 2.12194440e-4f;
    float p = r * 1.9875691500e-4f + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * (r * r) + r + 1.0f;
    /* In two steps, since 2^n alone may be too large or too small for a float32. */
    return p * fx_float((half + 127u) << 23) * fx_float((n - half + 127u) << 23);
}

FX_INLINE float fx_sigmoid(float x) { return 1.0f / (1.0f + fx_exp(-x)); }

/* ln x to a unit in the last place: e ln 2 + ln m with m from sqrt(1/2) to sqrt(2). */
FX_INLINE float fx_log(float x)
{
    const int tiny = x < 1.17549435e-38f;
    const uint32_t bits = fx_bits(tiny ? x * 8388608.0f : x);
    float m = fx_float((bits & 0x007FFFFFu) | 0x3F000000u);
    float e = (float)((int32_t)((bits >> 23) & 255u) - (tiny ? 149 : 126));
    if (m < 0.707106781f) {
        m = m + m;
        e = e - 1.0f;
    }
    m = m - 1.0f;
    const float square = m * m;
    float p = m * 7.0376836292e-2f - 1.1514610310e-1f;
    p = p * m + 1.1676998740e-1f;
    p = p * m - 1.2420140846e-1f;
    p = p * m + 1.4249322787e-1f;
    p = p * m - 1.6668057665e-1f;
    p = p * m + 2.0000714765e-1f;
    p = p * m - 2.4999993993e-1f;
    p = p * m + 3.3333331174e-1f;
    p = p * m * square - e * 2.12194440e-4f - square * 0.5f;
    p = (m + p) + e * 0.693359375f;
    if (!(x > 0.0f))
        return x < 0.0f ? FX_NAN : x + (x == 0.0f ? -FX_INFINITY : 0.0f);
    return x == FX_INFINITY ? x : p;
}

/* The square root by three of Newton's steps from half the exponent; what is denormal is scaled by 2^24 for them. */
FX_INLINE float fx_sqrt(float x)
{
    const int tiny = x < 1.17549435e-38f;
    const float size = tiny ? x * 16777216.0f : x;
    float root = fx_float(fx_bits(size) / 2u + 0x1FBD1DF5u);
    root = 0.5f * (root + size / root);
    root = 0.5f * (root + size / root);
    root = 0.5f * (root + size / root);
    if (!(x > 0.0f))
        return x < 0.0f ? FX_NAN : x;
    return x == FX_INFINITY ? x : tiny ? root * 2.44140625e-4f : root;
}

/* A number of half precision, IEEE 754, without infinities. */
FX_INLINE float fx_half(uint16_t half)
{
    const float size = fx_float(((uint32_t)half & 0x7FFFu) << 13) * 5.192296858534828e33f; /* 2^112 */
    return (half & 0x8000u) ? -size : size;
}

/* ---- vectors ---- */

FX_INLINE fx_lanes fx_load(const float *x) { return *(const fx_lanes *)x; }
FX_INLINE void fx_store(fx_lanes x, float *y) { *(fx_lanes *)y = x; }

FX_INLINE fx_lanes fx_load_half(const uint16_t *x)
{
    float numbers[FX_LANES];
    FX_UNROLL for (int i = 0; i < FX_LANES; ++i)
        numbers[i] = fx_half(x[i]);
    return fx_load(numbers);
}

FX_INLINE fx_lanes fx_load_int8(const int8_t *x)
{
    float numbers[FX_LANES];
    FX_UNROLL for (int i = 0; i < FX_LANES; ++i)
        numbers[i] = (float)x[i];
    return fx_load(numbers);
}

FX_INLINE void fx_copy(const float *x, int count, float *y)
{
    for (int i = 0; i < count; ++i)
        y[i] = x[i];
}

/* y = exp(x) / sum of exp(x) */
FX_CALLED void fx_softmax(const float *x, int count, float *y)
{
    float most = x[0], sum = 0.0f;
    for (int i = 1; i < count; ++i)
        most = fx_max(most, x[i]);
    for (int i = 0; i < count; ++i) {
        y[i] = fx_exp(x[i] - most);
        sum += y[i];
    }
    for (int i = 0; i < count; ++i)
        y[i] /= sum;
}

/* The places of numbers that are not 0, in order; returns how many. */
FX_CALLED int fx_filled(const float *x, int count, uint16_t *places)
{
    int filled = 0;
    for (int i = 0; i < count; ++i) {
        places[filled] = (uint16_t)i;
        filled += x[i] != 0.0f;
    }
    return filled;
}

#endif
