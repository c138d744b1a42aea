/* As many multiply-and-adds as the processor does: twelve sums that wait for
 * none of the others. */
#ifdef __AVX512F__
enum { BYTES = 64 };
#else
enum { BYTES = 32 };
#endif
typedef float Vector __attribute__((vector_size(BYTES)));
enum { SUMS = 12 };

/* Returns how many operations a round has; the sums go to `out`, so that they
 * are made. */
long peak(long rounds, float factor, float *out) {
  Vector sums[SUMS] = {{0}};
  for (int i = 0; i < SUMS; ++i)
    sums[i][0] = (float)i;
  const Vector x = factor - (Vector){0};
  for (long round = 0; round < rounds; ++round) {
#pragma GCC unroll 12
    for (int i = 0; i < SUMS; ++i)
      sums[i] = sums[i] * x + x;
  }
  for (int i = 1; i < SUMS; ++i)
    sums[0] += sums[i];
  *out = sums[0][0];
  return 2L * SUMS * BYTES / 4;
}
