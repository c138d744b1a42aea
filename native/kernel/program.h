/* A flow as data: operations on the numbers of one row, and weights. `check` holds every place in it to its bounds. */
#ifndef FLOWEXPORT_PROGRAM_H
#define FLOWEXPORT_PROGRAM_H

#include <stddef.h>
#include <stdint.h>

/* Operations, one after the other in `code`: the name, then its words. Places are in scratch unless said otherwise. */
#define OPERATIONS(O)                                                                                    \
  O(linear)      /* source, out, inputs, outputs, relu, sparse, weights in panels, bias: ReLU(b + Wx) */ \
  O(dot)         /* source, out, inputs, outputs, weights [outputs][inputs], bias: few outputs */        \
  O(softmax)     /* source, out, count */                                                                \
  O(gather)      /* out, count, a place for each */                                                      \
  O(elementwise) /* function, out, count, then kind and place of a, b and c */

#define OPERATION_CODE(name) OPERATION_##name,
enum { OPERATIONS(OPERATION_CODE) OPERATION_COUNT };
#undef OPERATION_CODE

/* What an operand of an elementwise operation is. */
enum { EACH, STILL, EACH_KNOWN, KNOWN }; /* numbers side by side, one number, the same of the weights */

enum {
  PANEL = 16,      /* columns of W that lie together: [outputs / 16][inputs][16] */
  MARGIN = 16,     /* numbers behind scratch and weights that a vector may read */
  MOST_INPUTS = 2, /* x or z, and context */
  MOST_TILES = 8,  /* tiles of rows that share the weights of a product while they are in the cache */
  MOST_SCRATCH = 1 << 20,
};

typedef struct {
  int32_t at, width; /* an input's first place in scratch; −1 where nothing reads it */
} Input;

typedef struct {
  const int32_t *code;
  int32_t length;
  const float *weights;
  int64_t weight_count;
  int32_t scratch;
  int32_t input_count;
  Input inputs[MOST_INPUTS];
  const int32_t *outputs; /* a place in scratch, or −1 − a place in the weights */
  int32_t output_count;
  int32_t longest; /* count of any elementwise operation, inputs of any linear one */
} Program;

/* Words of each operation, its name included; those of a gather are as many more as it has places. */
static const int32_t WORDS[OPERATION_COUNT] = {[OPERATION_linear] = 9,
                                               [OPERATION_dot] = 7,
                                               [OPERATION_softmax] = 4,
                                               [OPERATION_gather] = 3,
                                               [OPERATION_elementwise] = 10};

/* The operation behind one that has been checked. */
static inline const int32_t *next(const int32_t *o) { return o + WORDS[o[0]] + (o[0] == OPERATION_gather ? o[2] : 0); }

/* What is wrong with a program, in a few words; NULL where nothing is. Fills in `longest`. */
const char *check(Program *program);

#endif
