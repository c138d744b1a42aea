/* One kernel for each instruction set; the best is chosen when it is first asked for. */
#include "levels.h"

#include <string.h>

#include "kernel.h"

#define DECLARE(level) \
  RunRow row_##level;  \
  RunTiles tile_##level##_small, tile_##level##_large;
#define LEVEL_OF(level, name, small_rows, large_rows, few, few_sparse) \
  { name, row_##level, tile_##level##_small, tile_##level##_large, small_rows, large_rows, few, few_sparse }

#if defined __x86_64__ || defined _M_X64
DECLARE(v4)
DECLARE(v3)
DECLARE(v1)
static const Level LEVELS[] = {LEVEL_OF(v4, "x86-64-v4", 8, 16, 3, 6), LEVEL_OF(v3, "x86-64-v3", 8, 16, 3, 5),
                               LEVEL_OF(v1, "x86-64", 4, 8, 2, 3)};

static int has(int index) {
  __builtin_cpu_init();
  switch (index) {
    case 0:
      return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
             __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
             __builtin_cpu_supports("avx512vl");
    case 1:
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
    default:
      return 1;
  }
}
#else
DECLARE(v1)
#ifdef __aarch64__
static const Level LEVELS[] = {LEVEL_OF(v1, "neon", 4, 8, 2, 3)};
#else
static const Level LEVELS[] = {LEVEL_OF(v1, "generic", 4, 8, 2, 3)};
#endif
static int has(int index) { return index == 0; }
#endif

enum { LEVEL_COUNT = sizeof LEVELS / sizeof *LEVELS };

static const Level *chosen; /* every thread would choose the same */

const Level *level(void) {
  for (int i = 0; !chosen && i < LEVEL_COUNT; ++i)
    if (has(i)) chosen = &LEVELS[i];
  return chosen;
}

const char *level_name(void) { return level()->name; }

int level_choose(const char *name) {
  for (int i = 0; i < LEVEL_COUNT; ++i)
    if (has(i) && strcmp(LEVELS[i].name, name) == 0) {
      chosen = &LEVELS[i];
      return 0;
    }
  return -1;
}

const char *level_known(int index) {
  for (int i = 0; i < LEVEL_COUNT; ++i)
    if (has(i) && index-- == 0) return LEVELS[i].name;
  return NULL;
}
