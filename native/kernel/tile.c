/* A program on tiles of rows: every number is a vector or two, a lane a row. Compiled for each instruction set and size
 * of a tile, as tile_LEVEL. */
#include "elementary.h"
#include "functions.h"
#include "run.h"
#include "tile_product.h"

typedef struct {
  const V *at;
  int step; /* vectors from a place to the next */
} Operand;

/* What is known is written into every lane of `room` first. */
static inline Operand operand(const int32_t *o, int count, const float *scratch, const float *weights, V *room) {
  if (o[0] == EACH || o[0] == STILL)
    return (Operand){(const V *)scratch + (size_t)o[1] * VECTORS, o[0] == EACH ? VECTORS : 0};
  if (o[0] == KNOWN) count = 1;
  for (int i = 0; i < count; ++i) {
    UNROLL for (int v = 0; v < VECTORS; ++v) room[i * VECTORS + v] = splat(weights[o[1] + i]);
  }
  return (Operand){room, o[0] == EACH_KNOWN ? VECTORS : 0};
}

static void elementwise(const int32_t *o, float *scratch, const float *weights, V *room, int longest) {
  const int count = o[3], apart = longest * VECTORS;
  const Operand first = operand(o + 4, count, scratch, weights, room),
                second = operand(o + 6, count, scratch, weights, room + apart),
                third = operand(o + 8, count, scratch, weights, room + 2 * apart);
  V *out = (V *)scratch + (size_t)o[2] * VECTORS;
  switch (o[1]) {
#define CASE(name, value)                                                             \
  case FUNCTION_##name:                                                               \
    for (int i = 0; i < count; ++i) {                                                 \
      UNROLL for (int v = 0; v < VECTORS; ++v) {                                      \
        const V a = first.at[i * first.step + v], b = second.at[i * second.step + v], \
                c = third.at[i * third.step + v];                                     \
        (void)b, (void)c;                                                             \
        out[i * VECTORS + v] = value;                                                 \
      }                                                                               \
    }                                                                                 \
    break;
    FUNCTIONS(CASE)
#undef CASE
  }
}

static void softmax(const V *source, V *out, int count) {
  for (int v = 0; v < VECTORS; ++v, ++source, ++out) {
    V most = source[0], sum = splat(0);
    for (int i = 1; i < count; ++i) most = larger(source[i * VECTORS], most);
    for (int i = 0; i < count; ++i) sum += out[i * VECTORS] = exponential(source[i * VECTORS] - most);
    sum = 1.0f / sum;
    for (int i = 0; i < count; ++i) out[i * VECTORS] *= sum;
  }
}

static void gather(const int32_t *o, V *scratch) {
  V *out = scratch + (size_t)o[1] * VECTORS;
  for (int32_t i = 0; i < o[2]; ++i) {
    for (int v = 0; v < VECTORS; ++v) *out++ = scratch[(size_t)o[3 + i] * VECTORS + (size_t)v];
  }
}

static void operate(const int32_t *o, float *scratch, const float *weights, V *room, int longest) {
  switch (o[0]) {
    case OPERATION_dot:
      dot(scratch + (size_t)o[1] * ROWS, weights + o[5], weights + o[6], scratch + (size_t)o[2] * ROWS, o[3], o[4]);
      break;
    case OPERATION_softmax:
      softmax((const V *)scratch + (size_t)o[1] * VECTORS, (V *)scratch + (size_t)o[2] * VECTORS, o[3]);
      break;
    case OPERATION_gather:
      gather(o, (V *)scratch);
      break;
    default:
      elementwise(o, scratch, weights, room, longest);
  }
}

/* Rows into lanes; lanes without a row take the first one's. */
static void read_rows(Input input, const float *rows, int count, int tiles, float *scratch, size_t apart) {
  const size_t width = (size_t)input.width;
  for (int r = 0; r < tiles * ROWS; ++r) {
    const float *row = rows + (r < count ? (size_t)r * width : 0);
    float *to = scratch + (size_t)(r / ROWS) * apart + (size_t)input.at * ROWS + (size_t)(r % ROWS);
    for (size_t i = 0; i < width; ++i) to[i * ROWS] = row[i];
  }
}

static void write_rows(const Program *program, float *out, int count, const float *scratch, size_t apart) {
  const size_t width = (size_t)program->output_count;
  for (size_t i = 0; i < width; ++i) {
    const int32_t at = program->outputs[i];
    for (int r = 0; r < count; ++r)
      out[(size_t)r * width + i] = at < 0
                                       ? program->weights[-1 - at]
                                       : scratch[(size_t)(r / ROWS) * apart + (size_t)at * ROWS + (size_t)(r % ROWS)];
  }
}

void NAMED(tile, LEVEL)(const Program *program, const float *const *inputs, float *out, int rows, float *scratch) {
  const float *weights = program->weights;
  const int tiles = (rows + ROWS - 1) / ROWS;
  const size_t apart = (size_t)program->scratch * ROWS;
  V *room = (V *)(void *)(scratch + (size_t)tiles * apart);
  for (int32_t i = 0; i < program->input_count; ++i)
    if (program->inputs[i].at >= 0) read_rows(program->inputs[i], inputs[i], rows, tiles, scratch, apart);
  const int32_t *o = program->code, *end = o + program->length;
  for (; o < end; o = next(o)) {
    if (o[0] == OPERATION_linear)
      linear(scratch + (size_t)o[1] * ROWS, weights + o[7], weights + o[8], scratch + (size_t)o[2] * ROWS, o[3], o[4],
             o[5], tiles, apart);
    else
      for (int tile = 0; tile < tiles; ++tile)
        operate(o, scratch + (size_t)tile * apart, weights, room, program->longest);
  }
  write_rows(program, out, rows, scratch, apart);
}
