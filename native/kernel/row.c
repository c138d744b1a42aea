/* A program on one row: numbers of the row as vector lanes. Compiled for each instruction set, as row_LEVEL. */
#include <string.h>

#include "elementary.h"
#include "functions.h"
#include "row_product.h"
#include "run.h"

typedef struct {
  const float *at;
  int each; /* whether it goes on with the place */
  V still;
} Operand;

static inline Operand operand(const int32_t *o, const float *scratch, const float *weights) {
  const float *at = (o[0] == EACH || o[0] == STILL ? scratch : weights) + o[1];
  return (Operand){at, o[0] == EACH || o[0] == EACH_KNOWN, splat(*at)};
}

static inline V take(const Operand *operand, int i) { return operand->each ? load(operand->at + i) : operand->still; }

static void elementwise(const int32_t *o, float *scratch, const float *weights) {
  const Operand first = operand(o + 4, scratch, weights), second = operand(o + 6, scratch, weights),
                third = operand(o + 8, scratch, weights);
  float *out = scratch + o[2];
  const int count = o[3];
  switch (o[1]) {
#define CASE(name, value)                                                     \
  case FUNCTION_##name:                                                       \
    for (int i = 0; i < count; i += LANES) {                                  \
      const V a = take(&first, i), b = take(&second, i), c = take(&third, i); \
      (void)b, (void)c;                                                       \
      store(out + i, value, count - i);                                       \
    }                                                                         \
    break;
    FUNCTIONS(CASE)
#undef CASE
  }
}

/* Over the numbers of one stretch, which may be written where it is read. */
static void softmax(const float *source, float *out, int count) {
  V most = splat(source[0]);
  for (int i = 1; i < count; ++i) most = larger(splat(source[i]), most);
  float sum = 0;
  for (int i = 0; i < count; i += LANES) {
    const V powers = exponential(load(source + i) - most);
    store(out + i, powers, count - i);
    for (int lane = 0; lane < LANES && i + lane < count; ++lane) sum += powers[lane];
  }
  const V scale = splat(1.0f / sum);
  for (int i = 0; i < count; i += LANES) store(out + i, load(out + i) * scale, count - i);
}

static void gather(const int32_t *o, float *scratch) {
  for (int32_t i = 0; i < o[2]; ++i) scratch[o[1] + i] = scratch[o[3 + i]];
}

void NAMED(row, LEVEL)(const Program *program, const float *const *inputs, float *out, float *scratch) {
  const float *weights = program->weights;
  int32_t *places = (int32_t *)(void *)(scratch + program->scratch + MARGIN);
  for (int32_t i = 0; i < program->input_count; ++i) {
    const Input input = program->inputs[i];
    if (input.at >= 0) memcpy(scratch + input.at, inputs[i], sizeof(float) * (size_t)input.width);
  }
  const int32_t *o = program->code, *end = o + program->length;
  for (; o < end; o = next(o)) switch (*o) {
      case OPERATION_linear: {
        const float *source = scratch + o[1];
        const int used = o[6] ? filled(source, o[3], places) : o[3];
        linear(source, o[6] ? places : NULL, used, weights + o[7], weights + o[8], scratch + o[2], o[3], o[4], o[5]);
        break;
      }
      case OPERATION_dot:
        dot(scratch + o[1], weights + o[5], weights + o[6], scratch + o[2], o[3], o[4]);
        break;
      case OPERATION_softmax:
        softmax(scratch + o[1], scratch + o[2], o[3]);
        break;
      case OPERATION_gather:
        gather(o, scratch);
        break;
      default:
        elementwise(o, scratch, weights);
    }
  for (int32_t i = 0; i < program->output_count; ++i) {
    const int32_t at = program->outputs[i];
    out[i] = at < 0 ? weights[-1 - at] : scratch[at];
  }
}
