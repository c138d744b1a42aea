/* The methods of Runner. */
#include "runner.h"

#include <math.h>
#include <string.h>

#include "noise.h"

/* Below so many rows, handing the interpreter's lock on and back takes longer than others would wait. */
enum { ROWS_TO_UNLOCK = 32 };

/* A block: more rows are for several threads. */
enum { MOST_SCORED = 1024 };

/* [rows] for an output of one number, [rows, *shape] otherwise. */
static PyObject *new_output(const Runner *self, npy_intp rows) {
  npy_intp sizes[1 + MOST_AXES] = {rows};
  memcpy(sizes + 1, self->shape.lengths, sizeof self->shape.lengths);
  return new_array(1 + self->shape.axes, sizes);
}

static int run(const Runner *self, const float *const *inputs, float *out, npy_intp rows) {
  int result;
  if (rows < ROWS_TO_UNLOCK) {
    result = kernel_run(self->kernel, inputs, out, (size_t)rows);
  } else {
    Py_BEGIN_ALLOW_THREADS result = kernel_run(self->kernel, inputs, out, (size_t)rows);
    Py_END_ALLOW_THREADS
  }
  if (result < 0) PyErr_NoMemory();
  return result;
}

static int holds_nan(const Runner *self, const float *const *inputs, npy_intp row) {
  for (int q = 0; q < self->inputs; ++q)
    for (int i = 0; i < self->width[q]; ++i) {
      const float number = inputs[q][row * self->width[q] + i];
      if (number != number) return 1;
    }
  return 0;
}

/* Where a density ran over, it is −∞, unless the row itself holds a NaN. */
static void settle(const Runner *self, const float *const *inputs, float *log_prob, npy_intp rows) {
  for (npy_intp row = 0; row < rows; ++row)
    if (!(log_prob[row] < INFINITY)) log_prob[row] = holds_nan(self, inputs, row) ? NAN : -INFINITY;
}

typedef void After(const Runner *self, const float *const *inputs, float *out, npy_intp rows);

/* Runs on inputs that fit, into a new array, of which `after` may make something. */
static PyObject *run_new(const Runner *self, const float *const *inputs, npy_intp rows, After *after) {
  PyObject *out = new_output(self, rows);
  if (!out) return NULL;
  if (run(self, inputs, numbers(out), rows) < 0) {
    Py_DECREF(out);
    return NULL;
  }
  if (after) after(self, inputs, numbers(out), rows);
  return out;
}

static PyObject *misfit(void) {
  PyErr_SetString(PyExc_ValueError, "expected an array [rows, width] of float32, in C order, for each input");
  return NULL;
}

/* Whether it is an array [rows, width] as the kernel reads it. */
static int has_rows(PyObject *given, npy_intp width) { return is_plain(given, 2) && size_of(given, 1) == width; }

/* Where the numbers of all inputs are; 0 where one does not fit, or has not as many rows as the first. */
static int get_inputs(const Runner *self, PyObject *const *given, const float **inputs) {
  for (int q = 0; q < self->inputs; ++q) {
    if (!has_rows(given[q], self->width[q]) || size_of(given[q], 0) != size_of(given[0], 0)) return 0;
    inputs[q] = numbers(given[q]);
  }
  return 1;
}

PyDoc_STRVAR(run_doc, "run(*inputs) -> a new array [rows, *shape]: arrays [rows, width] of float32 in C order.");
static PyObject *runner_run(PyObject *object, PyObject *const *given, Py_ssize_t count) {
  Runner *self = (Runner *)object;
  const float *inputs[MOST_INPUTS];
  if (count != self->inputs || !get_inputs(self, given, inputs)) return misfit();
  return run_new(self, inputs, size_of(given[0], 0), NULL);
}

PyDoc_STRVAR(run_into_doc, "run_into(*inputs, out): the same into an array of float32 in C order.");
static PyObject *runner_run_into(PyObject *object, PyObject *const *given, Py_ssize_t count) {
  Runner *self = (Runner *)object;
  const float *inputs[MOST_INPUTS];
  if (count != self->inputs + 1 || !get_inputs(self, given, inputs)) return misfit();
  PyObject *out = given[count - 1];
  const npy_intp rows = size_of(given[0], 0);
  if (!PyArray_Check(out) || !is_plain(out, PyArray_NDIM((PyArrayObject *)out)) ||
      !PyArray_ISWRITEABLE((PyArrayObject *)out) || PyArray_SIZE((PyArrayObject *)out) != rows * self->outputs)
    return misfit();
  return run(self, inputs, numbers(out), rows) < 0 ? NULL : Py_NewRef(Py_None);
}

/* Whether every number of a category is one of its codes. */
static int are_codes(const Runner *self, const float *context, npy_intp rows) {
  for (npy_intp row = 0; row < rows; ++row, context += self->width[1])
    for (int i = 0; i < self->width[1]; ++i) {
      const int32_t last = self->last[i];
      if (last >= 0 && !(context[i] >= 0 && context[i] <= (float)last && context[i] == (float)(int32_t)context[i]))
        return 0;
    }
  return 1;
}

/* The numbers of a context of as many rows as x has, or of one row of it alone, that needs no looking at; else NULL. */
static const float *context_of(const Runner *self, PyObject *given, npy_intp rows) {
  const npy_intp width = self->width[1];
  const int fits = PyArray_CheckExact(given) && ((has_rows(given, width) && size_of(given, 0) == rows) ||
                                                 (rows == 1 && is_plain(given, 1) && size_of(given, 0) == width));
  return fits && are_codes(self, numbers(given), rows) ? numbers(given) : NULL;
}

PyDoc_STRVAR(
    score_doc,
    "score(x, context) -> log-densities [rows], −inf where they ran over; None for anything but numpy arrays\n"
    "that are what `run` takes, of 1 to 1,024 rows, with codes of categories: whoever knows more of arrays and\n"
    "threads, and of what is wrong with them, is to see to it. The context is None for a graph of one input.");
static PyObject *runner_score(PyObject *object, PyObject *const *given, Py_ssize_t count) {
  Runner *self = (Runner *)object;
  if (count != 2 || self->outputs != 1 || !PyArray_CheckExact(given[0]) || !has_rows(given[0], self->width[0]))
    Py_RETURN_NONE;
  const npy_intp rows = size_of(given[0], 0);
  if (rows < 1 || rows > MOST_SCORED) Py_RETURN_NONE;
  const float *inputs[MOST_INPUTS] = {numbers(given[0])};
  if (self->inputs == 1 ? given[1] != Py_None : !(inputs[1] = context_of(self, given[1], rows))) Py_RETURN_NONE;
  return run_new(self, inputs, rows, settle);
}

PyDoc_STRVAR(draw_doc,
             "draw(seed, first, rows, temperature, warm) -> samples [rows, *shape] number `first` … of a seed; the\n"
             "first `warm` numbers of a latent have the temperature. For graphs of one input.");
static PyObject *runner_draw(PyObject *object, PyObject *arguments) {
  Runner *self = (Runner *)object;
  unsigned long long seed, first;
  Py_ssize_t rows;
  float temperature;
  int warm;
  if (!PyArg_ParseTuple(arguments, "KKnfi", &seed, &first, &rows, &temperature, &warm)) return NULL;
  const Py_ssize_t width = self->width[0];
  if (self->inputs != 1 || rows < 0 || rows > PY_SSIZE_T_MAX / 4 / width) return misfit();
  float few[64], *z = rows * width <= 64 ? few : PyMem_Malloc(sizeof(float) * (size_t)(rows * width));
  if (!z) return PyErr_NoMemory();
  Py_BEGIN_ALLOW_THREADS normals(seed, first * (unsigned long long)width, (size_t)(rows * width), z);
  Py_END_ALLOW_THREADS if (temperature != 1) for (npy_intp row = 0; row < rows; ++row) for (int i = 0;
                                                                                            i < warm && i < width; ++i)
      z[row * width + i] *= temperature;
  const float *inputs[MOST_INPUTS] = {z};
  PyObject *out = run_new(self, inputs, rows, NULL);
  if (z != few) PyMem_Free(z);
  return out;
}

PyMethodDef runner_methods[] = {
    {"run", (PyCFunction)(void (*)(void))runner_run, METH_FASTCALL, run_doc},
    {"run_into", (PyCFunction)(void (*)(void))runner_run_into, METH_FASTCALL, run_into_doc},
    {"score", (PyCFunction)(void (*)(void))runner_score, METH_FASTCALL, score_doc},
    {"draw", runner_draw, METH_VARARGS, draw_doc},
    {0},
};
