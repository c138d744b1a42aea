/* A program may come from anyone: nothing in it is read or written before every place has been held to its bounds. */
#include "functions.h"
#include "program.h"

static int inside(int64_t at, int64_t count, int64_t size) { return at >= 0 && count >= 0 && at + count <= size; }

static int64_t whole_panels(int64_t outputs) { return (outputs + PANEL - 1) / PANEL * PANEL; }

/* Whether all words of an operation are there. */
static int whole(const int32_t *code, int64_t left) {
  if (left < 1 || code[0] < 0 || code[0] >= OPERATION_COUNT || WORDS[code[0]] > left) return 0;
  return code[0] != OPERATION_gather || (code[2] >= 0 && code[2] <= left - WORDS[code[0]]);
}

static int apart(int64_t a, int64_t a_count, int64_t b, int64_t b_count) {
  return a + a_count <= b || b + b_count <= a;
}

static int product_fits(const Program *p, int64_t source, int64_t out, int64_t inputs, int64_t outputs, int64_t columns,
                        int64_t weights, int64_t bias) {
  return inputs > 0 && outputs > 0 && inputs <= p->scratch && outputs <= p->scratch &&
         inside(source, inputs, p->scratch) && inside(out, outputs, p->scratch) &&
         apart(source, inputs, out, outputs) && inside(weights, inputs * columns, p->weight_count) &&
         inside(bias, columns, p->weight_count);
}

static int operand_fits(const Program *p, int32_t kind, int64_t at, int64_t count) {
  switch (kind) {
    case EACH:
      return inside(at, count, p->scratch);
    case STILL:
      return inside(at, 1, p->scratch);
    case EACH_KNOWN:
      return inside(at, count, p->weight_count);
    case KNOWN:
      return inside(at, 1, p->weight_count);
    default:
      return 0;
  }
}

static int operation_fits(const Program *p, const int32_t *o) {
  switch (o[0]) {
    case OPERATION_linear:
      return product_fits(p, o[1], o[2], o[3], o[4], whole_panels(o[4]), o[7], o[8]) && o[7] % PANEL == 0 &&
             o[8] % PANEL == 0;
    case OPERATION_dot:
      return product_fits(p, o[1], o[2], o[3], o[4], o[4], o[5], o[6]);
    case OPERATION_softmax:
      return o[3] > 0 && inside(o[1], o[3], p->scratch) && inside(o[2], o[3], p->scratch);
    case OPERATION_gather:
      for (int32_t i = 0; i < o[2]; ++i)
        if (!inside(o[3 + i], 1, p->scratch)) return 0;
      return inside(o[1], o[2], p->scratch);
    default: /* elementwise */
      return o[1] >= 0 && o[1] < FUNCTION_COUNT && o[3] > 0 && inside(o[2], o[3], p->scratch) &&
             operand_fits(p, o[4], o[5], o[3]) && operand_fits(p, o[6], o[7], o[3]) &&
             operand_fits(p, o[8], o[9], o[3]);
  }
}

static int32_t length_of(const int32_t *o) {
  return o[0] == OPERATION_linear || o[0] == OPERATION_elementwise ? o[3] : 0;
}

const char *check(Program *p) {
  if (p->scratch < 1 || p->scratch > MOST_SCRATCH) return "scratch is too large";
  if (p->input_count < 1 || p->input_count > MOST_INPUTS) return "one or two inputs are expected";
  for (int32_t i = 0; i < p->input_count; ++i) {
    const Input input = p->inputs[i];
    if (input.width < 1 || input.width > MOST_SCRATCH) return "an input has no width";
    if (input.at != -1 && !inside(input.at, input.width, p->scratch)) return "an input leaves scratch";
  }
  for (int32_t i = 0; i < p->output_count; ++i) {
    const int64_t at = p->outputs[i];
    if (at < 0 ? !inside(-1 - at, 1, p->weight_count) : !inside(at, 1, p->scratch)) return "an output leaves scratch";
  }
  p->longest = 0;
  const int32_t *end = p->code + p->length;
  for (const int32_t *o = p->code; o < end; o = next(o)) {
    if (!whole(o, end - o)) return "an operation is unknown or cut off";
    if (!operation_fits(p, o)) return "an operation leaves scratch or the weights";
    if (length_of(o) > p->longest) p->longest = length_of(o);
  }
  return NULL;
}
