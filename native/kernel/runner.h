/* The type Runner: a kernel for Python. */
#ifndef FLOWEXPORT_RUNNER_H
#define FLOWEXPORT_RUNNER_H

#include "arrays.h"
#include "kernel.h"

enum { MOST_AXES = 8 };

typedef struct {
  int axes;
  npy_intp lengths[MOST_AXES];
} Shape;

typedef struct {
  PyObject_HEAD Kernel *kernel;
  int inputs, width[MOST_INPUTS];
  npy_intp outputs;
  Shape shape;   /* of a row of the output */
  int32_t *last; /* of each number of the context its highest code, or −1 where it has none */
} Runner;

extern PyMethodDef runner_methods[]; /* calls.c */

PyObject *runner_type(void);

#endif
