/* The instruction sets that the kernel was compiled for. */
#ifndef FLOWEXPORT_LEVELS_H
#define FLOWEXPORT_LEVELS_H

#include "run.h"

typedef struct {
  const char *name;
  RunRow *row;
  RunTiles *small, *large;
  int small_rows, large_rows; /* of a tile */
  /* From so many rows on, a small tile takes less time than rows one by one; and where those skip what is 0. */
  int few, few_sparse;
} Level;

const Level *level(void);

#endif
