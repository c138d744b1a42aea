/* A program that has been checked, with its own copy of everything, and the way to run it. */
#ifndef FLOWEXPORT_KERNEL_H
#define FLOWEXPORT_KERNEL_H

#include "program.h"

typedef struct Kernel Kernel;

/* Copies a program. NULL with `why` where it breaks its bounds, or memory is short. */
Kernel *kernel_new(const Program *program, const char **why);
void kernel_free(Kernel *kernel);

/* Rows [rows][width] of each input → [rows][output_count]. From any number of threads at once. 0, or −1 for no memory.
 */
int kernel_run(Kernel *kernel, const float *const *inputs, float *out, size_t rows);

/* The instruction set that runs; the best that this processor has, or what `level_choose` was told. */
const char *level_name(void);
int level_choose(const char *name); /* −1 where there is none of that name, or the processor lacks it */
const char *level_known(int index); /* names, the best first, of those that the processor has; NULL behind the last */

#endif
