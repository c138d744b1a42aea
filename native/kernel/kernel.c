/* A kernel owns a program, and one scratch that calls hand on to one another. */
#include "kernel.h"

#include <stdatomic.h>

#include "levels.h"
#include "memory.h"

struct Kernel {
  Program program;
  int32_t *words; /* code, then outputs */
  float *weights;
  const Level *level;
  int tiles;              /* that go through an operation together */
  int few;                /* from so many rows on, a small tile takes less time than rows one by one */
  size_t room;            /* numbers of a scratch */
  _Atomic(float *) spare; /* a scratch that no call is using, or NULL */
};

/* Numbers of a scratch, 16 MiB, unless one tile alone takes more: programs of flows take a tenth of it. */
enum { MOST_ROOM = 1 << 22 };

/* So many weights a second-level cache holds, 1 MiB; of more, skipping rows of them saves no time. */
enum { CACHED_WEIGHTS = 1 << 18 };

static int has_sparse(const Program *program) {
  for (const int32_t *o = program->code, *end = o + program->length; o < end; o = next(o))
    if (o[0] == OPERATION_linear && o[6]) return 1;
  return 0;
}

static size_t most(size_t a, size_t b) { return a > b ? a : b; }

Kernel *kernel_new(const Program *given, const char **why) {
  Program program = *given;
  *why = check(&program);
  if (*why) return NULL;
  *why = "memory is short";
  Kernel *kernel = calloc(1, sizeof *kernel);
  if (!kernel) return NULL;
  const size_t words = (size_t)program.length + (size_t)program.output_count;
  kernel->words = malloc(sizeof(int32_t) * (words + 1));
  kernel->weights = aligned_new(sizeof(float) * ((size_t)program.weight_count + MARGIN));
  if (!kernel->words || !kernel->weights) {
    kernel_free(kernel);
    return NULL;
  }
  memcpy(kernel->words, program.code, sizeof(int32_t) * (size_t)program.length);
  if (program.output_count)
    memcpy(kernel->words + program.length, program.outputs, sizeof(int32_t) * (size_t)program.output_count);
  if (program.weight_count) memcpy(kernel->weights, program.weights, sizeof(float) * (size_t)program.weight_count);
  program.code = kernel->words;
  program.outputs = kernel->words + program.length;
  program.weights = kernel->weights;
  kernel->program = program;
  kernel->level = level();
  const int rows = kernel->level->large_rows;
  kernel->tiles = MOST_TILES;
  while (kernel->tiles > 1 && tiles_room(&program, kernel->tiles, rows) > MOST_ROOM) kernel->tiles /= 2;
  kernel->room = most(tiles_room(&program, kernel->tiles, rows), row_room(&program));
  const int cached = program.weight_count <= CACHED_WEIGHTS;
  kernel->few = cached && has_sparse(&program) ? kernel->level->few_sparse : kernel->level->few;
  *why = NULL;
  return kernel;
}

void kernel_free(Kernel *kernel) {
  aligned_delete(atomic_load(&kernel->spare));
  aligned_delete(kernel->weights);
  free(kernel->words);
  free(kernel);
}

static void advance(const Program *program, const float **inputs, float **out, size_t rows) {
  for (int32_t i = 0; i < program->input_count; ++i) inputs[i] += rows * (size_t)program->inputs[i].width;
  *out += rows * (size_t)program->output_count;
}

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

int kernel_run(Kernel *kernel, const float *const *given, float *out, size_t rows) {
  const Program *program = &kernel->program;
  const Level *level = kernel->level;
  float *scratch = atomic_exchange(&kernel->spare, NULL);
  if (!scratch) scratch = aligned_new(sizeof(float) * kernel->room);
  if (!scratch) return -1;
  const float *inputs[MOST_INPUTS];
  for (int32_t i = 0; i < program->input_count; ++i) inputs[i] = given[i];
  const size_t small = (size_t)level->small_rows, block = (size_t)(level->large_rows * kernel->tiles);
  while (rows > 0) {
    size_t taken;
    if (rows > small)
      level->large(program, inputs, out, (int)(taken = least(rows, block)), scratch);
    else if (rows >= (size_t)kernel->few)
      level->small(program, inputs, out, (int)(taken = rows), scratch);
    else
      level->row(program, inputs, out, scratch), taken = 1;
    advance(program, inputs, &out, taken);
    rows -= taken;
  }
  aligned_delete(atomic_exchange(&kernel->spare, scratch));
  return 0;
}
