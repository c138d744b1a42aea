/* The two ways through a program, compiled for each instruction set; see levels.c. */
#ifndef FLOWEXPORT_RUN_H
#define FLOWEXPORT_RUN_H

#include "program.h"

#define JOINED(a, b) a##_##b
#define NAMED(a, b) JOINED(a, b)

/* One row. `scratch` holds row_room(program) numbers. */
typedef void RunRow(const Program *program, const float *const *inputs, float *out, float *scratch);
static inline size_t row_room(const Program *program) {
  /* then the places of what is not 0, for sparse products */
  return (size_t)program->scratch + (size_t)program->longest + 2 * MARGIN;
}

/* Some tiles of rows, the rows of a tile as vector lanes. `scratch` holds tiles_room(…) numbers. */
typedef void RunTiles(const Program *program, const float *const *inputs, float *out, int rows, float *scratch);
static inline size_t tiles_room(const Program *program, int tiles, int rows_a_tile) {
  /* then room for three operands of an elementwise operation that are known, in every lane */
  return ((size_t)tiles * (size_t)program->scratch + 3 * (size_t)program->longest) * (size_t)rows_a_tile;
}

#endif
