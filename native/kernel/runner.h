/* The type Runner for the module. */
#ifndef FLOWEXPORT_RUNNER_H
#define FLOWEXPORT_RUNNER_H

#include "arrays.h"

PyObject *runner_type(void);

#endif
